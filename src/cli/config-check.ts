import type { Options } from 'yargs';
import { nearest, shown } from '../util/words.js';
import type { Setting } from './config-read.js';
import type { Flags } from './flags.js';

/** A command with its words, e.g. `images pull`, and its flags. */
export interface KnownCommand {
  readonly words: readonly string[];
  readonly flags: Flags;
}

/** What is wrong with settings, a line each, over all commands. */
export function settingFaults(
  settings: readonly Setting[],
  commands: readonly KnownCommand[],
): readonly string[] {
  return settings.flatMap((setting) => faultOf(setting, commands) ?? []);
}

function faultOf(
  { section, flag, value, from }: Setting,
  commands: readonly KnownCommand[],
): string | undefined {
  const meant = commands.filter(({ words }) => section.every((word, at) => words[at] === word));
  const name = [...section, flag].join('.');
  if (meant.length === 0) {
    const known = commands.flatMap(({ words }) => words.map((_, at) => words.slice(0, at + 1).join('.')));
    return `${from}: ${section.join('.')} is no command${hint(section.join('.'), known)}`;
  }
  const having = meant.filter(({ flags }) => Object.hasOwn(flags, flag));
  if (having.length === 0) {
    const known = meant.flatMap(({ flags }) => Object.keys(flags));
    const of = section.length === 0 ? 'any command' : section.join(' ');
    return `${from}: ${name}: no flag of ${of}${hint(flag, known)}`;
  }
  for (const { words, flags } of having) {
    const fault = valueFault(value, flags[flag] as Options);
    if (fault !== undefined) return `${from}: ${name} ${fault} (as --${flag} of assay ${words.join(' ')})`;
  }
  return undefined;
}

/** Why a flag can't have a value, in words that follow its name; undefined when it can. */
export function valueFault(value: unknown, { type, choices, array }: Options): string | undefined {
  const got = `, got ${value === null ? 'nothing' : shown(value)}`;
  const values = Array.isArray(value) ? value : [value];
  if (Array.isArray(value) && array !== true) return `takes one value${got}`;
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : `must be true or false${got}`;
  if (type === 'number') return Number.isFinite(value) ? undefined : `must be a number${got}`;
  if (!values.every((one) => typeof one === 'string' || Number.isFinite(one)))
    return `must be ${array === true ? 'a list of texts' : 'a text'}${got}`;
  if (choices !== undefined && !values.every((one) => choices.includes(one)))
    return `must be ${choices.join(', ')}${got}`;
  return undefined;
}

function hint(word: string, known: readonly string[]): string {
  const near = nearest(word, new Set(known));
  return near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
}
