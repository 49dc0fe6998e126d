import type { Command, CommandGroup } from './command.js';
import { ENGINE_FLAGS, JSON_FLAG, OFFLINE_FLAG, withGroups } from './flags.js';
import { EVAL_IMAGE_FLAGS, RUN_FLAGS } from './run-flags.js';

const OPTIONS = {
  config: { alias: 'c', type: 'string', demandOption: true, desc: 'YAML or JSON: docs/train.md' },
  'dry-run': {
    type: 'boolean',
    default: false,
    desc: 'Say what the configuration implies (rollouts, tokens, memory, sandboxes), and stop',
  },
  'mean-tokens': { type: 'number', desc: 'With --dry-run: tokens of an episode; default: half the context' },
  'assume-cuda': {
    type: 'boolean',
    default: true,
    desc: 'With --dry-run: passes in bfloat16; --no-assume-cuda: float32, as on CPU',
  },
  retries: RUN_FLAGS.retries,
  timeout: RUN_FLAGS.timeout,
  progress: RUN_FLAGS.progress,
  quiet: RUN_FLAGS.quiet,
  ...OFFLINE_FLAG,
  ...JSON_FLAG,
} as const;

const AGAIN =
  'Killed at any moment, the same command goes on: no episode is played again, no step is applied twice. docs/train.md';

function command(
  name: 'rft' | 'dapo',
  describe: string,
  { example, run }: { readonly example: string; readonly run: Command['run'] },
): Command {
  return {
    command: name,
    describe,
    builder: (yargs) =>
      withGroups(
        yargs
          .example(`$0 train ${name} --config ${example}.yaml --dry-run`, 'what it would take')
          .example(`$0 train ${name} --config ${example}.yaml`, 'do it; again, and it goes on')
          .epilogue(AGAIN),
        { 'Training:': OPTIONS, 'Engine:': ENGINE_FLAGS, 'Images:': EVAL_IMAGE_FLAGS },
      ),
    run,
  };
}

export const trainCommands: CommandGroup = {
  command: 'train',
  describe: 'Train on the reward: rejection fine-tuning, then DAPO',
  example: ['$0 train dapo --config stage1.yaml --dry-run', 'what the configuration implies'],
  actions: [
    command('rft', 'Rejection fine-tuning: learn from the episodes that were resolved', {
      example: 'rft',
      run: async (args, host) => (await import('./train-rft.js')).trainRftCommand(args, host),
    }),
    command('dapo', 'Synchronous DAPO: rollouts, grading and optimiser steps, iteration by iteration', {
      example: 'stage1',
      run: async (args, host) => (await import('./train-dapo.js')).trainDapoCommand(args, host),
    }),
    {
      command: 'show <run>',
      describe: 'The last iterations of a training by DAPO, also while it runs',
      builder: (yargs) =>
        withGroups(
          yargs
            .positional('run', { type: 'string', desc: 'Folder of the training' })
            .example('watch $0 train show runs/stage1', 'live'),
          { 'Options:': { rows: { type: 'number', default: 20, desc: 'Most iterations' }, ...JSON_FLAG } },
        ),
      run: async (args, host) => (await import('./train-dapo.js')).trainShowCommand(args, host),
    },
  ],
};
