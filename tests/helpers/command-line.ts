import yargs from 'yargs';
import { type Command, wordOf } from '../../src/cli/command.js';
import { commands } from '../../src/cli/commands.js';
import { CONFIG_FLAG } from '../../src/cli/config-read.js';
import { flagsOf } from '../../src/cli/flags.js';

/** Why `assay` would refuse these arguments before it does anything; undefined: it takes them. */
export function refusal(args: readonly string[]): string | undefined {
  if (args.some((arg) => ['--help', '-h', '--version', 'completion'].includes(arg))) return undefined;
  const [word = '', action = ''] = args;
  const entry = commands.find((command) => wordOf(command) === word || aliasesOf(command).includes(word));
  if (entry === undefined) return `no command ${word}`;
  if (!('actions' in entry)) return refused(entry, args);
  const named = entry.actions.find((command) => wordOf(command) === action);
  if (named !== undefined) return refused(named, args.slice(1));
  const bare = entry.actions.find((command) => wordOf(command) === entry.bare);
  return bare === undefined ? `no action ${word} ${action}` : refused(bare, [wordOf(bare), ...args.slice(1)]);
}

function refused(command: Command, args: readonly string[]): string | undefined {
  let fault: string | undefined;
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
  } catch (error) {
    fault = (error as Error).message;
  }
  return fault;
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
