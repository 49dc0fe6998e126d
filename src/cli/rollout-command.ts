import type { Command } from './command.js';
import { DATASET_FLAGS, ENGINE_FLAGS, JSON_FLAG, SELECTION_FLAGS, withGroups } from './flags.js';
import { EPISODE_FLAGS, POLICY_FLAGS, QUEUE_FLAGS } from './rollout-flags.js';
import { EVAL_IMAGE_FLAGS, RUN_FLAGS } from './run-flags.js';

const {
  'dry-run': _dryRun,
  reinstall: _reinstall,
  workers,
  'max-failures': _maxFailures,
  ...SHARED_RUN_FLAGS
} = RUN_FLAGS;

export const rolloutCommand: Command = {
  command: 'rollout <dataset>',
  describe:
    'Let a model work on instances, turn by turn; predictions, trajectories, and with --eval verdicts',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('dataset', { type: 'string', desc: 'Alias, Hub id, or file' })
        .example(
          '$0 rollout verified --model M --base-url http://127.0.0.1:8000/v1 --eval -j 16',
          'Pass@1 of a model',
        )
        .example(
          '$0 rollout rebench --model M --base-url URL --samples 10 -j 64 --training',
          'groups to train on',
        )
        .epilogue(
          'Killed at any moment, the same command goes on; what was sampled is not sampled again. docs/rollout.md',
        ),
      {
        'Model:': POLICY_FLAGS,
        'Episodes:': EPISODE_FLAGS,
        'Run:': {
          ...SHARED_RUN_FLAGS,
          workers: { ...workers, desc: 'Episodes at once, each in a sandbox; default 0.75 x cores' },
          ...QUEUE_FLAGS,
          ...JSON_FLAG,
        },
        'Engine:': ENGINE_FLAGS,
        'Images:': EVAL_IMAGE_FLAGS,
        'Dataset:': DATASET_FLAGS,
        'Selection, in this order:': SELECTION_FLAGS,
      },
    ),
  run: async (args, host) => (await import('./rollout.js')).rolloutCommand(args, host),
};
