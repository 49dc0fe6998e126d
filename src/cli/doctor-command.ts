import type { Command } from './command.js';
import { DATASET_FLAGS, ENGINE_FLAGS, JSON_FLAG, SELECTION_FLAGS, withGroups } from './flags.js';

export const doctorCommand: Command = {
  command: 'doctor [dataset]',
  describe: 'Look whether this machine can evaluate a dataset, and say what to do where it cannot',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('dataset', { type: 'string', default: 'verified', desc: 'Alias, Hub id, or file' })
        .example('$0 doctor', 'for SWE-bench Verified with Docker')
        .example('$0 doctor sample', 'for the bundled benchmark, without Docker')
        .example('$0 doctor rebench --offline', 'with what is here, the network untouched')
        .epilogue(
          'Exit codes of doctor: 0 nothing fails; 3 something does. Nothing is downloaded, built or removed. docs/doctor.md',
        ),
      {
        'Options:': { engine: ENGINE_FLAGS.engine, ...JSON_FLAG },
        'Dataset:': {
          revision: DATASET_FLAGS.revision,
          split: DATASET_FLAGS.split,
          offline: { ...DATASET_FLAGS.offline, desc: 'Ask nobody on the network' },
        },
        'Selection, in this order:': SELECTION_FLAGS,
      },
    ),
  run: async (args, host) => (await import('./doctor.js')).doctorCommand(args, host),
};
