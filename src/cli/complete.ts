import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import yargs, { type Options } from 'yargs';
import { type Command, type CommandGroup, wordOf } from './command.js';
import { type Flags, flagsOf } from './flags.js';
import type { Host } from './host.js';
import { datasetAliases } from './registry.js';
import { isRun } from './runs-list.js';

type Commands = readonly (Command | CommandGroup)[];

/** A command that has been named, and what stands behind its words. */
interface Named {
  readonly command: Command;
  readonly flags: Flags;
  readonly rest: readonly string[];
}

/** What may stand for the last of the words behind `assay`: commands, actions, flags, choices, datasets, run folders, instance ids. */
export async function complete(
  words: readonly string[],
  commands: Commands,
  host: Pick<Host, 'cwd'>,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const found = await candidates(before, current, commands, host);
  // The shell takes these as they are: a name that it would read otherwise is left out.
  return [...new Set(found)]
    .filter((word) => word.startsWith(current) && /^[\w@%+=,./-]+$/.test(word))
    .sort();
}

async function candidates(
  before: readonly string[],
  current: string,
  commands: Commands,
  host: Pick<Host, 'cwd'>,
): Promise<readonly string[]> {
  const [first, second] = before;
  if (first === undefined) return commands.map(wordOf);
  const entry = commands.find((one) => isNamed(one, first));
  if (entry === undefined) return [];
  if (!('actions' in entry)) return ofCommand(named(entry, before.slice(1)), current, commands, host);
  const action = entry.actions.find((one) => isNamed(one, second ?? ''));
  if (action !== undefined) return ofCommand(named(action, before.slice(2)), current, commands, host);
  return second === undefined ? entry.actions.map(wordOf) : [];
}

function isNamed(entry: Command | CommandGroup, word: string): boolean {
  return wordOf(entry) === word || ('aliases' in entry && entry.aliases?.includes(word) === true);
}

function named(command: Command, rest: readonly string[]): Named {
  return { command, flags: flagsOf(command.builder(yargs([]))), rest };
}

async function ofCommand(
  { command, flags, rest }: Named,
  current: string,
  commands: Commands,
  host: Pick<Host, 'cwd'>,
): Promise<readonly string[]> {
  const waiting = flagNamed(rest.at(-1) ?? '', flags);
  if (waiting !== undefined && waiting.option.type !== 'boolean')
    return waiting.option.choices?.map(String) ?? valuesOf(waiting.name);
  if (current.startsWith('-')) return Object.entries(flags).flatMap(spellings);
  const given = positionalsOf(rest, flags);
  const slots = [...command.command.matchAll(/[<[](\w+)(\.\.)?[>\]]/g)];
  const slot = slots[given.length] ?? (slots.at(-1)?.[2] === undefined ? undefined : slots.at(-1));
  switch (slot?.[1]) {
    case 'dataset':
    case 'datasets':
      return Object.keys(datasetAliases);
    case 'run':
    case 'runs':
      return runFolders(current, host.cwd);
    case 'id':
      return given[0] === undefined ? [] : readdir(resolve(host.cwd, given[0], 'i')).catch(() => []);
    case 'shell':
      return ['bash', 'zsh', 'fish'];
    case 'words':
      return candidates(given, current, commands, host);
    default:
      return [];
  }
}

function flagNamed(
  word: string,
  flags: Flags,
): { readonly name: string; readonly option: Options } | undefined {
  if (!/^-./.test(word)) return undefined;
  const name = word.replace(/^--?/, '');
  const found = Object.entries(flags).find(
    ([flag, { alias }]) => flag === name || [alias].flat().includes(name),
  );
  return found === undefined ? undefined : { name: found[0], option: found[1] };
}

function spellings([name, { type, default: preset }]: readonly [string, Options]): readonly string[] {
  return type === 'boolean' && preset === true ? [`--${name}`, `--no-${name}`] : [`--${name}`];
}

function valuesOf(flag: string): readonly string[] {
  return flag === 'dataset' ? Object.keys(datasetAliases) : [];
}

/** The words that are no flags and no values of flags. */
function positionalsOf(words: readonly string[], flags: Flags): readonly string[] {
  return words.filter((word, index) => {
    const before = flagNamed(words[index - 1] ?? '', flags);
    return !word.startsWith('-') && (before === undefined || before.option.type === 'boolean');
  });
}

/** Runs in the folder that is being typed, else in `runs`. */
async function runFolders(current: string, cwd: string): Promise<readonly string[]> {
  const folder = current.includes('/') ? current.slice(0, current.lastIndexOf('/') + 1) : 'runs/';
  const names = await readdir(resolve(cwd, folder)).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => ((await isRun(resolve(cwd, folder, name))) ? [`${folder}${name}`] : [])),
  );
  return found.flat();
}
