import type { Command } from './command.js';
import { DATASET_FLAGS, JSON_FLAG, SELECTION_FLAGS, withGroups } from './flags.js';
import { RUN_FLAGS } from './run-flags.js';

export const runsImportCommand: Command = {
  command: 'import <source>',
  describe:
    'Make a run folder of what others published: outcomes, or a folder of test logs; no engine is needed',
  builder: (yargs) =>
    withGroups(
      yargs
        .positional('source', {
          type: 'string',
          desc: 'A .json of outcomes (resolved ids, results.json, <model>.<run>.json), or a folder of logs',
        })
        .example('$0 runs import outcomes.json -d verified --model swe-agent', 'one of {"model": [ids]}')
        .example('$0 runs import gpt.run1.json -d verified --model gpt', 'a report of the SWE-bench harness')
        .example('$0 runs import logs/run_evaluation/run1/gpt -d verified', 'its logs, graded again')
        .epilogue('What each format says of an instance, and what it leaves open: docs/published.md.'),
      {
        'Import:': {
          dataset: {
            alias: 'd',
            type: 'string',
            demandOption: true,
            desc: 'Alias, Hub id, or file of the rows that it is of',
          },
          model: {
            type: 'string',
            desc: 'Name of the model; of a file with several, the one to take',
          },
          predictions: {
            alias: 'p',
            type: 'string',
            desc: 'The patches that were submitted, of one model: to keep them in the run',
          },
          profile: {
            ...RUN_FLAGS.profile,
            desc: 'Rules to grade logs by; of outcomes: those that they were found by',
          },
          'run-id': RUN_FLAGS['run-id'],
          output: RUN_FLAGS.output,
          ...JSON_FLAG,
        },
        'Dataset:': DATASET_FLAGS,
        'Selection, in this order:': SELECTION_FLAGS,
      },
    ),
  run: async (args, host) => (await import('./runs-import.js')).importPublished(args, host),
};
