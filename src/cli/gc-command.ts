import type { Command } from './command.js';
import { ENGINE_FLAGS, JSON_FLAG, withGroups } from './flags.js';

export const gcCommand: Command = {
  command: 'gc',
  describe: 'Remove what crashed processes left: containers, workspaces, half-made files',
  builder: (yargs) =>
    withGroups(
      yargs
        .example('$0 gc --dry-run', 'what would go')
        .example('$0 gc', 'do it: nothing that a living process uses')
        .example('$0 gc --cache --yes', 'also what the cache keeps for images that are gone, and build logs')
        .epilogue('Images are removed by `assay images prune --keep SIZE`, runs by `assay runs rm`.'),
      {
        'Options:': {
          containers: { type: 'boolean', default: false, desc: 'Containers and workspaces alone' },
          cache: {
            type: 'boolean',
            default: false,
            desc: 'Files alone, and with them cache entries that nothing uses: they are made again when needed',
          },
          engine: { ...ENGINE_FLAGS.engine, desc: 'Default: both, Docker where it answers' },
          yes: { alias: 'y', type: 'boolean', default: false, desc: 'With --cache: do it' },
          'dry-run': { type: 'boolean', default: false, desc: 'Show what would go, and stop' },
          ...JSON_FLAG,
        },
      },
    ),
  run: async (args, host) => (await import('./gc.js')).collectGarbage(args, host),
};
