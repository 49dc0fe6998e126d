#!/usr/bin/env node
import yargs, { type Argv } from 'yargs';
import { toAssayError } from '../errors.js';
import type { Command } from './command.js';
import { commands } from './commands.js';
import { describeError, EXIT, exitCodeOf, usage } from './exit.js';
import { realHost } from './host.js';
import { checkOpenFiles } from './open-files.js';

const host = realHost();

// `assay ... | head` closes our output early: what is left has no reader, and that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.on('uncaughtException', (error) => {
  host.err(describeError(error));
  process.exit(EXIT.fault);
});

async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const cli = yargs([...argv])
    .scriptName('assay')
    .usage('$0 <command>\n\nEvaluates patches for software-engineering benchmarks by running their tests.')
    .exitProcess(false)
    .strict()
    .demandCommand(1, 'Name a command.')
    .recommendCommands()
    .completion('completion', 'Print a shell completion script')
    .help()
    .alias('h', 'help')
    .wrap(110)
    .epilogue(
      'Exit codes: 0 all graded; 1 a fault of ours; 2 wrong usage; 3 environment not ready; 4 infrastructure errors left, or attempts missing after a merge; 5 below --fail-under, instances that are not valid, or a replay that differs; 130 interrupted.',
    )
    .fail((message, error) => {
      throw error ?? usage(message.replace(/\s*\n\s*/g, ' '));
    });
  const register = <T>(to: Argv<T>, command: Command) =>
    to.command({
      ...command,
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
    const { command, describe, actions, example } = entry;
    cli.command(command, describe, (group) => {
      for (const action of actions) register(group, action);
      return group
        .example(...example)
        .demandCommand(
          1,
          `Name an action: ${actions.map((action) => action.command.split(' ')[0]).join(', ')}.`,
        );
    });
  }
  await cli.parseAsync();
  return exitCode;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  host.err(describeError(error));
  process.exitCode = exitCodeOf(toAssayError(error));
}
