import type { CommandGroup } from './command.js';
import { JSON_FLAG, SHOW_FLAGS, withGroups } from './flags.js';
import { runsImportCommand } from './runs-import-command.js';

const actions: CommandGroup['actions'] = [
  {
    command: 'list [folder]',
    describe: 'List the runs of a folder: how far each is, Pass@1, and who works in it',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('folder', { type: 'string', desc: 'Folder of run folders; default: runs' })
          .example('$0 runs', 'all of runs/')
          .example('$0 runs list /data/runs --json', 'a line of JSON for each run'),
        { 'Options:': JSON_FLAG },
      ),
    run: async (args, host) => (await import('./runs-list.js')).listRuns(args, host),
  },
  {
    command: 'show <run> [id]',
    describe: 'Show a run, or one instance of it: as `assay show`',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .positional('id', { type: 'string', desc: 'Instance id' })
          .example('$0 runs show runs/a', ''),
        { 'Options:': SHOW_FLAGS },
      ),
    run: async (args, host) => (await import('./show.js')).showCommand(args, host),
  },
  runsImportCommand,
  {
    command: 'rm <runs..>',
    describe: 'Remove run folders for good; never one that a process works in',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('runs', { type: 'string', array: true, desc: 'Run folders' })
          .example('$0 runs rm runs/a runs/b --dry-run', 'what would go')
          .example('$0 runs rm runs/a runs/b --yes', ''),
        {
          'Options:': {
            yes: { alias: 'y', type: 'boolean', default: false, desc: 'Do it: nothing brings them back' },
            'dry-run': { type: 'boolean', default: false, desc: 'Show what would go, and stop' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./runs-remove.js')).removeRuns(args, host),
  },
];

/** `assay runs ACTION`. */
export const runsCommands: CommandGroup = {
  command: 'runs',
  describe: 'List, show, import or remove runs',
  example: ['$0 runs', 'what there is in runs/'],
  bare: 'list',
  actions,
};
