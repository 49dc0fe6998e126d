#!/usr/bin/env node
import yargs, { type Argv } from 'yargs';
import { toAssayError } from '../errors.js';
import { type Command, wordOf } from './command.js';
import { commands } from './commands.js';
import { knownCommands } from './config-commands.js';
import { CONFIG_FLAG, configArguments } from './config-read.js';
import { settingsFor } from './config-settings.js';
import { describeError, EXIT, exitCodeOf, parseFault } from './exit.js';
import { flagsOf, withDashes } from './flags.js';
import { realHost } from './host.js';
import { checkOpenFiles } from './open-files.js';

const host = realHost();

/** What the scripts of `assay completion` ask with, and the words behind it. */
const COMPLETE = '--complete';

// `assay ... | head` closes our output early: what is left has no reader, and that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.on('uncaughtException', (error) => {
  host.err(describeError(error));
  process.exit(EXIT.fault);
});

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === COMPLETE) {
    // It loads every benchmark, which other commands don't wait for.
    const { complete } = await import('./complete.js');
    for (const word of await complete(argv.slice(1), commands, host)) host.out(word);
    return EXIT.done;
  }
  let exitCode: number = EXIT.done;
  const cli = yargs([...argv])
    .scriptName('assay')
    .usage('$0 <command>\n\nEvaluates patches for software-engineering benchmarks by running their tests.')
    .exitProcess(false)
    .strict()
    .demandCommand(1, 'Name a command.')
    .recommendCommands()
    .help()
    .alias('h', 'help')
    .wrap(110)
    .epilogue(
      'Exit codes: 0 all graded; 1 a fault of ours; 2 wrong usage; 3 environment not ready; 4 infrastructure errors left, or attempts missing after a merge; 5 below --fail-under, instances that are not valid, a replay that differs, or a regression that compare --fail-on-regression found; 130 interrupted.',
    )
    .fail((message, error) => {
      throw parseFault(message, error);
    });
  const register = <T>(to: Argv<T>, command: Command, group: readonly string[] = []) =>
    to.command({
      ...command,
      builder: (parser: Argv) => withSettings(parser, command, { argv, words: [...group, wordOf(command)] }),
      handler: async (args) => {
        checkOpenFiles();
        exitCode = await command.run(args, host);
      },
    });
  for (const entry of commands) {
    if (!('actions' in entry)) {
      register(cli, entry);
      continue;
    }
    const { command, describe, actions, example, bare } = entry;
    const words = actions.map(wordOf);
    cli.command(command, describe, (group) => {
      for (const action of actions)
        register(group, wordOf(action) === bare ? { ...action, aliases: ['$0'] } : action, [command]);
      group.example(...example);
      return bare === undefined ? group.demandCommand(1, `Name an action: ${words.join(', ')}.`) : group;
    });
  }
  await cli.parseAsync();
  return exitCode;
}

/** The flags of a command, with what the environment and settings say of them. `--help` must work whatever those are. */
function withSettings(
  parser: Argv,
  command: Command,
  { argv, words }: { readonly argv: readonly string[]; readonly words: readonly string[] },
): Argv {
  const built = command.builder(parser);
  const flags = flagsOf(built);
  const hasOwnConfig = Object.hasOwn(flags, 'config');
  if (!hasOwnConfig) built.option('config', CONFIG_FLAG).group('config', 'Settings:');
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  if (own.includes('--help') || own.includes('-h')) return built;
  const configs = hasOwnConfig ? [] : configArguments(own);
  const settings = settingsFor({ words, flags }, { configs, host, known: () => knownCommands(commands) });
  return built.config(Object.fromEntries([...settings].map(([flag, { value }]) => [flag, value])));
}

try {
  process.exitCode = await main(withDashes(process.argv.slice(2)));
} catch (error) {
  host.err(describeError(error));
  process.exitCode = exitCodeOf(toAssayError(error));
}
