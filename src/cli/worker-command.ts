import type { Command } from './command.js';
import { DATASET_FLAGS, ENGINE_FLAGS, SELECTION_FLAGS, withGroups } from './flags.js';
import { INSTANCE_IMAGE_FLAGS, RUN_FLAGS } from './run-flags.js';
import { TEST_FLAGS } from './serve-command.js';

const QUEUE_FLAGS = {
  queue: {
    type: 'string',
    demandOption: true,
    desc: 'postgres://...: the queue; a password may be in PGPASSWORD or ~/.pgpass instead',
  },
  workers: { ...RUN_FLAGS.workers, desc: 'Gradings at once; default min(0.75 x cores, free memory / 4 GiB)' },
  lease: {
    type: 'string',
    default: '30s',
    desc: 'A worker that the queue does not hear of for so long has lost its gradings to others',
  },
  'allow-inline': {
    type: 'boolean',
    default: false,
    desc: 'Take rows of clients of a service: their eval scripts and images are run',
  },
} as const;

const { timeout: _timeout, ...OTHER_TEST_FLAGS } = TEST_FLAGS;

export const workerCommand: Command = {
  command: 'worker <datasets..>',
  describe: 'Do the gradings of a queue, for `assay serve --queue` and `assay eval --queue`',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('datasets', { type: 'string', array: true, desc: 'Aliases, Hub ids, or files' })
        .example('$0 worker verified --queue postgres://assay@db/assay -j 16', 'on each host')
        .epilogue(
          'docs/queue.md tells what happens when something fails. SIGTERM or Ctrl-C lets running gradings end; a second one gives them back.',
        ),
      {
        'Queue:': QUEUE_FLAGS,
        'Tests:': OTHER_TEST_FLAGS,
        'Engine:': ENGINE_FLAGS,
        'Images:': INSTANCE_IMAGE_FLAGS,
        'Dataset:': DATASET_FLAGS,
        'Selection, in this order:': SELECTION_FLAGS,
      },
    ),
  run: async (args, host) => (await import('./worker.js')).worker(args, host),
};
