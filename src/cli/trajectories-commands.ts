import type { Command, CommandGroup } from './command.js';
import { ENGINE_FLAGS, JSON_FLAG, OFFLINE_FLAG, withGroups } from './flags.js';

const actions: readonly Command[] = [
  {
    command: 'show <run> [episode]',
    describe: 'List the episodes of a run, or print one: prompt, turns, patch',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .positional('episode', { type: 'string', desc: 'INSTANCE#SAMPLE; without #SAMPLE the first' })
          .example('$0 trajectories show runs/a', 'how each episode ended')
          .example("$0 trajectories show runs/a 'django__django-11099#2'", ''),
        { 'Options:': { ...JSON_FLAG } },
      ),
    run: async (args, host) => (await import('./trajectories-show.js')).showTrajectories(args, host),
  },
  {
    command: 'replay <run> [episode]',
    describe:
      'Play the recorded responses again in new sandboxes: same observations, same diff? Exit 5 if not',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder of `assay rollout`' })
          .positional('episode', { type: 'string', desc: 'INSTANCE#SAMPLE; without #SAMPLE the first' })
          .example('$0 trajectories replay runs/a', 'all episodes, without the model'),
        {
          'Options:': {
            'allow-unisolated': ENGINE_FLAGS['allow-unisolated'],
            ...OFFLINE_FLAG,
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./trajectories-replay.js')).replayTrajectories(args, host),
  },
  {
    command: 'export <run>',
    describe: 'Write the trajectories of a run in the format of another project, a file for each',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .example('$0 trajectories export runs/a -f atif -o out', ''),
        {
          'Options:': {
            format: {
              alias: 'f',
              choices: ['mini-swe-agent', 'swe-agent', 'atif'],
              demandOption: true,
              desc: 'Format of the files',
            },
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'Folder for the files' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./trajectories-export.js')).exportTrajectories(args, host),
  },
  {
    command: 'import <files..>',
    describe: 'Make a run of trajectories in any of these formats; exit 2 when a file is none',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('files', { type: 'string', array: true, desc: 'Files, packed with gzip or not' })
          .example('$0 trajectories import out/*.traj -o runs/b', 'named by instance, as SWE-agent does'),
        {
          'Options:': {
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'New run folder' },
            id: {
              alias: 'i',
              type: 'string',
              desc: 'Instance of the files that do not say it; default: the name of the file',
            },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./trajectories-import.js')).importTrajectories(args, host),
  },
];

export const trajectoriesCommands: CommandGroup = {
  command: 'trajectories',
  describe: 'Episodes of an agent: show them, export and import them in the formats of other projects',
  example: ['$0 trajectories show runs/a', ''],
  actions,
};
