import type { Command, CommandGroup } from './command.js';
import { DATASET_FLAGS, JSON_FLAG, SELECTION_FLAGS, withGroups } from './flags.js';

const actions: readonly Command[] = [
  {
    command: 'export <dataset>',
    describe: 'Write a Harbor task folder for each of the chosen instances',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', { type: 'string', desc: 'Alias, Hub id, or file' })
          .example('$0 harbor export sample -o tasks', 'graded by an assay service, or by themselves')
          .example('$0 harbor export verified -o tasks --no-solution', 'without the answers'),
        {
          'Export:': {
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'Folder for the task folders' },
            solution: { type: 'boolean', default: true, desc: 'Put the gold patch into each task' },
            base: {
              type: 'string',
              default: 'node:20-bookworm',
              desc: 'Image with bash, git, node 20 and python3, for the bundled benchmark',
            },
            ...JSON_FLAG,
          },
          'Dataset:': DATASET_FLAGS,
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./harbor-export.js')).harborExport(args, host),
  },
  {
    command: 'import <folders..>',
    describe: 'Make rows of the task folders that export wrote; exit 2 when one of them is none',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('folders', { type: 'string', array: true, desc: 'Task folders, or folders of them' })
          .example('$0 harbor import tasks -o rows.jsonl', 'the rows that they were made from'),
        {
          'Import:': {
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'A .jsonl file' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./harbor-import.js')).harborImport(args, host),
  },
];

export const harborCommands: CommandGroup = {
  command: 'harbor',
  describe: 'Instances as Harbor task folders, and back',
  example: ['$0 harbor export sample -o tasks', 'then: harbor run -p tasks'],
  actions,
};
