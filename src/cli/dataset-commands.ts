import type { Argv } from 'yargs';
import type { Command, CommandGroup } from './command.js';
import { DATASET_FLAGS, JSON_FLAG, SELECTION_FLAGS, withGroups } from './flags.js';

const DATASET = { type: 'string', desc: 'Alias, Hub id, or file' } as const;

const overChosen = <T>(yargs: Argv<T>) =>
  withGroups(yargs.positional('dataset', DATASET), {
    'Dataset:': { ...DATASET_FLAGS, ...JSON_FLAG },
    'Selection, in this order:': SELECTION_FLAGS,
  });

const actions: readonly Command[] = [
  {
    command: 'list <dataset>',
    describe: 'List the ids of the chosen instances',
    builder: (yargs) => overChosen(yargs.example('$0 dataset list verified --repo sympy/sympy', '')),
    run: async (args, host) => (await import('./dataset.js')).listInstances(args, host),
  },
  {
    command: 'show <dataset>',
    describe: 'Show one instance (-i)',
    builder: (yargs) => overChosen(yargs.example('$0 dataset show verified -i sympy__sympy-13031', '')),
    run: async (args, host) => (await import('./dataset.js')).showInstances(args, host),
  },
  {
    command: 'check <dataset>',
    describe: 'Check that every row can be evaluated',
    builder: (yargs) => overChosen(yargs.example('$0 dataset check rows.jsonl', '')),
    run: async (args, host) => (await import('./dataset.js')).checkDataset(args, host),
  },
  {
    command: 'filter <dataset>',
    describe: 'Keep the rows that a recipe finds fit for training',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', DATASET)
          .example('$0 dataset filter rebench --recipe golubev2025 -o train.jsonl', 'what the rows tell')
          .example(
            '$0 dataset filter rebench --recipe golubev2025 --validation runs/rebench.validate -o train.jsonl',
            'and what their tests did here',
          ),
        {
          'Filter:': {
            recipe: { type: 'string', demandOption: true, desc: 'Named set of rules: golubev2025' },
            output: {
              alias: 'o',
              type: 'string',
              demandOption: true,
              desc: 'A .jsonl file for the rows that are kept; beside it .dropped.jsonl, ids with the rule',
            },
            validation: {
              type: 'string',
              desc: 'Run folder of `assay validate`: which tasks are deterministic',
            },
            ...JSON_FLAG,
          },
          'Dataset:': DATASET_FLAGS,
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./dataset-filter.js')).filterDataset(args, host),
  },
];

export const datasetCommands: CommandGroup = {
  command: 'dataset',
  describe: 'List, show, check or filter the instances of a dataset',
  example: ['$0 dataset list verified --repo sympy/sympy', 'ids of one repository'],
  actions,
};
