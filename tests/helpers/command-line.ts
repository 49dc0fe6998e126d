import yargs from 'yargs';
import { type Command, wordOf } from '../../src/cli/command.js';
import { commands } from '../../src/cli/commands.js';
import { CONFIG_FLAG } from '../../src/cli/config-read.js';
import { flagsOf } from '../../src/cli/flags.js';

/** What comes in any command, or before all of them. */
const EVERYWHERE = ['help', 'h', 'version', 'config', 'c'];

/** Why `assay` would refuse these arguments before it does anything; undefined: it takes them. */
export function refusal(args: readonly string[]): string | undefined {
  if (args[0] === undefined || args.some((arg) => ['--help', '-h', '--version', 'completion'].includes(arg)))
    return undefined;
  const found = commandOf(args);
  return typeof found === 'string' ? found : refused(found.command, found.args);
}

/** The same of a command whose arguments may be left out: what it names must be there. */
export function unknownName(args: readonly string[]): string | undefined {
  if (args.every((arg) => arg.startsWith('-') || arg === 'completion')) return undefined;
  const [word = '', ...rest] = args;
  const isGroup = commands.some((entry) => wordOf(entry) === word && 'actions' in entry);
  if (isGroup && rest[0] === undefined) return undefined;
  const found = commandOf(args);
  if (typeof found === 'string') return found;
  const flags = Object.entries(flagsOf(found.command.builder(yargs([]))));
  const names = [...EVERYWHERE, ...flags.flatMap(([name, { alias = [] }]) => [name, ...[alias].flat()])];
  const end = rest.indexOf('--');
  return rest
    .slice(0, end < 0 ? rest.length : end)
    .map((arg) => /^--?([a-z][a-z-]*)/i.exec(arg)?.[1])
    .find((name) => name !== undefined && !names.includes(name) && !names.includes(name.replace(/^no-/, '')));
}

function commandOf(args: readonly string[]): string | { command: Command; args: readonly string[] } {
  const [word = '', action = ''] = args;
  const entry = commands.find((command) => wordOf(command) === word || aliasesOf(command).includes(word));
  if (entry === undefined) return `no command ${word}`;
  if (!('actions' in entry)) return { command: entry, args };
  const named = entry.actions.find((command) => wordOf(command) === action);
  if (named !== undefined) return { command: named, args: args.slice(1) };
  const bare = entry.actions.find((command) => wordOf(command) === entry.bare);
  return bare === undefined
    ? `no action ${word} ${action}`
    : { command: bare, args: [wordOf(bare), ...args.slice(1)] };
}

function refused(command: Command, args: readonly string[]): string | undefined {
  try {
    yargs([...args])
      .exitProcess(false)
      .strict()
      .fail((message, error) => {
        throw error ?? new Error(message);
      })
      .command({
        ...command,
        builder: (parser) => {
          const built = command.builder(parser);
          return Object.hasOwn(flagsOf(built), 'config') ? built : built.option('config', CONFIG_FLAG);
        },
        handler: () => {},
      })
      .parseSync();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function aliasesOf(command: object): readonly string[] {
  return 'aliases' in command ? (command.aliases as readonly string[]) : [];
}

/** The words of a shell line up to a comment, pipe, redirection or `&`; quotes are taken off. */
export function shellWords(line: string): readonly string[] {
  const words = line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => /^(?:#|\||&|;|\d?>|<)/.test(word));
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/['"]/g, ''));
}
