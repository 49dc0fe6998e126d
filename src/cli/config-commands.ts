import yargs from 'yargs';
import { type Command, type CommandGroup, wordOf } from './command.js';
import type { KnownCommand } from './config-check.js';
import { flagsOf, JSON_FLAG, withGroups } from './flags.js';

type Commands = readonly (Command | CommandGroup)[];

/** Every command and action with its flags. */
export function knownCommands(commands: Commands): readonly KnownCommand[] {
  return commands.flatMap((entry) =>
    'actions' in entry
      ? entry.actions.map((action) => known(action, [wordOf(entry), wordOf(action)]))
      : [known(entry, [wordOf(entry)])],
  );
}

function known(command: Command, words: readonly string[]): KnownCommand {
  return { words, flags: flagsOf(command.builder(yargs([]))) };
}

/** `assay config ACTION`, over the settings of the other commands. */
export function configCommands(commands: Commands): CommandGroup {
  return {
    command: 'config',
    describe: 'Settings from files and the environment: show them, check them',
    example: ['$0 config show eval', 'what `assay eval` would go by'],
    actions: [
      {
        command: 'show [words..]',
        describe: 'Show the settings that there are, or each flag of a command with where its value is from',
        builder: (yargs) =>
          withGroups(
            yargs
              .positional('words', {
                type: 'string',
                array: true,
                desc: 'A command, e.g. eval or images pull',
              })
              .parserConfiguration({ 'populate--': true })
              .example('$0 config show', 'what assay.yaml and -c say')
              .example('$0 config show images pull', 'each flag, its value, and where that is from')
              .example('$0 config show eval -c ci.yaml -- -j 4', 'with flags of the command'),
            { 'Options:': JSON_FLAG },
          ),
        run: async (args, host) =>
          (await import('./config.js')).showConfig(args, host, knownCommands(commands)),
      },
      {
        command: 'check',
        describe: 'Check assay.yaml, -c and the environment against the flags of all commands',
        builder: (yargs) =>
          withGroups(yargs.example('$0 config check', '').example('$0 config check -c ci.yaml', ''), {
            'Options:': JSON_FLAG,
          }),
        run: async (args, host) =>
          (await import('./config.js')).checkConfig(args, host, knownCommands(commands)),
      },
    ],
  };
}
