import type { Command, CommandGroup } from './command.js';
import {
  BUILD_FLAGS,
  DATASET_FLAGS,
  ENGINE_FLAGS,
  JSON_FLAG,
  PULL_FLAGS,
  SELECTION_FLAGS,
  withGroups,
} from './flags.js';
import { imagesCommands } from './images-commands.js';

const PREDICTION_FLAGS = {
  predictions: {
    alias: 'p',
    type: 'string',
    desc: 'JSONL, JSON list or map, or a folder of .diff files; each also .gz',
  },
  gold: { type: 'boolean', default: false, desc: 'Evaluate the gold patches' },
  empty: { type: 'boolean', default: false, desc: 'Evaluate without any patch: every instance must fail' },
  model: { type: 'string', desc: 'Take this model of a file that holds several, or name one that has none' },
  'ignore-unknown': { type: 'boolean', default: false, desc: 'Skip predictions for ids outside the dataset' },
  epochs: { alias: 'k', type: 'number', default: 1, desc: 'Evaluate each prediction this many times' },
} as const;

const RUN_FLAGS = {
  'run-id': { type: 'string', desc: 'Name of the run; default: dataset.model' },
  output: { alias: 'o', type: 'string', desc: 'Run folder; default runs/<run id>' },
  profile: {
    choices: ['v5', 'v4.1', 'rebench-v1', 'rebench-v2'],
    desc: 'Grading rules; default: those of the rows, v5 for SWE-bench',
  },
  strict: {
    type: 'boolean',
    default: true,
    desc: 'Find the strict verdict, too, by further runs where a patch could have tampered with the tests; --no-strict: the official one alone',
  },
  workers: {
    alias: ['j', 'max-workers'],
    type: 'number',
    desc: 'Instances at once; default min(0.75 x cores, free memory / 4 GiB)',
  },
  timeout: {
    alias: 't',
    type: 'string',
    default: '1800',
    desc: 'Time for the tests of one instance: seconds, or 30m',
  },
  'timeout-pull': { type: 'string', default: '3600', desc: 'Time to get an image' },
  'timeout-start': { type: 'string', default: '120', desc: 'Time to start a container' },
  'timeout-apply': { type: 'string', default: '120', desc: 'Time to apply a patch' },
  retries: { type: 'number', default: 2, desc: "Further tries after failures that are the machine's fault" },
  'max-failures': { alias: 'x', type: 'number', desc: 'Stop after this many infrastructure errors' },
  'fail-under': { type: 'number', desc: 'Exit 5 when Pass@1 is below this, e.g. 0.4' },
  progress: {
    choices: ['auto', 'bars', 'plain', 'none'],
    default: 'auto',
    desc: 'How progress is shown on stderr',
  },
  quiet: { alias: 'q', type: 'boolean', default: false, desc: 'No progress' },
  'dry-run': { type: 'boolean', default: false, desc: 'Show what would run, and stop' },
} as const;

const { 'fail-under': _failUnder, 'dry-run': _dryRun, strict: _strict, ...SHARED_RUN_FLAGS } = RUN_FLAGS;
const VALIDATE_RUN_FLAGS = {
  epochs: { ...PREDICTION_FLAGS.epochs, default: 3, desc: 'Evaluate both this many times' },
  ...SHARED_RUN_FLAGS,
  'run-id': { ...RUN_FLAGS['run-id'], desc: 'Name of the run; default: dataset.validate' },
} as const;

const INSTANCE_IMAGE_FLAGS = {
  build: {
    type: 'boolean',
    default: false,
    desc: 'Build every image here; otherwise only where its environment is there',
  },
  ...PULL_FLAGS,
  base: BUILD_FLAGS.base,
  mirror: BUILD_FLAGS.mirror,
  'ca-file': BUILD_FLAGS['ca-file'],
  locks: BUILD_FLAGS.locks,
} as const;
const EVAL_IMAGE_FLAGS = {
  ...INSTANCE_IMAGE_FLAGS,
  'max-disk': {
    type: 'string',
    desc: 'Remove least recently used images during the run so that ours stay below this: 100GB',
  },
} as const;

/** All commands. A new one is a file in `src/cli/` and an entry here. */
export const commands: readonly (Command | CommandGroup)[] = [
  {
    command: 'eval <dataset>',
    aliases: ['run', 'evaluate'],
    describe: 'Evaluate predictions and write a Pass@1 report',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', {
            type: 'string',
            desc: 'Alias (verified, lite, ..., sample), Hub id, or file',
          })
          .example('$0 eval sample --gold', 'the bundled benchmark, no Docker needed')
          .example('$0 eval verified -p preds.jsonl -j 8', 'SWE-bench Verified with 8 workers')
          .example(
            '$0 eval verified --gold -i sympy__sympy-13031 -t 10m',
            'one instance, tests may take 10 minutes',
          )
          .example('$0 eval rebench -p preds.json --month 2025-05', 'SWE-rebench, one month'),
        {
          'Predictions:': PREDICTION_FLAGS,
          'Run:': { ...RUN_FLAGS, ...JSON_FLAG },
          'Engine:': ENGINE_FLAGS,
          'Images:': EVAL_IMAGE_FLAGS,
          'Dataset:': DATASET_FLAGS,
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./eval.js')).evalCommand(args, host),
  },
  {
    command: 'validate <dataset>',
    describe: 'Evaluate gold patches and untouched trees several times: which instances can be trusted here',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', { type: 'string', desc: 'Alias, Hub id, or file' })
          .example('$0 validate sample --epochs 2', 'the bundled benchmark, no Docker needed')
          .example('$0 validate verified --epochs 3 -j 8', 'all of Verified; reports cite it from then on')
          .epilogue('Exit codes of validate: 0 all valid; 4 some could not be judged; 5 some are not valid.'),
        {
          'Run:': {
            ...VALIDATE_RUN_FLAGS,
            refresh: {
              type: 'boolean',
              default: false,
              desc: 'Evaluate again what an earlier validation of the same images has found',
            },
            ...JSON_FLAG,
          },
          'Engine:': ENGINE_FLAGS,
          'Images:': EVAL_IMAGE_FLAGS,
          'Dataset:': {
            revision: DATASET_FLAGS.revision,
            split: DATASET_FLAGS.split,
            offline: DATASET_FLAGS.offline,
          },
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./validate.js')).validateCommand(args, host),
  },
  {
    command: 'retry <run>',
    describe: 'Evaluate again, in place, what failed for the machine',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .example('$0 retry runs/verified.gold', 'all infra errors'),
        {
          'Options:': {
            only: {
              choices: ['infra', 'timeout'],
              default: 'infra',
              desc: 'infra errors, or test time-outs',
            },
            id: SELECTION_FLAGS.id,
            workers: RUN_FLAGS.workers,
            retries: RUN_FLAGS.retries,
            progress: RUN_FLAGS.progress,
            quiet: RUN_FLAGS.quiet,
            'allow-unisolated': ENGINE_FLAGS['allow-unisolated'],
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./retry.js')).retryCommand(args, host),
  },
  {
    command: 'regrade <run>',
    describe: 'Recompute verdicts from the stored logs, without an engine, into a new run folder',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .example('$0 regrade runs/a --profile v4.1', ''),
        {
          'Options:': {
            profile: RUN_FLAGS.profile,
            output: { alias: 'o', type: 'string', desc: 'Default: <run>.<profile>' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./regrade.js')).regradeCommand(args, host),
  },
  {
    command: 'merge <runs..>',
    describe: 'Merge shards into one run folder',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('runs', { type: 'string', array: true, desc: 'Run folders' })
          .example('$0 merge runs/s1 runs/s2 -o runs/all', ''),
        {
          'Options:': {
            output: { alias: 'o', type: 'string', demandOption: true, desc: 'New run folder' },
            conflict: {
              choices: ['fail', 'keep', 'newest'],
              default: 'fail',
              desc: 'When two runs hold the same attempt',
            },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./merge.js')).mergeCommand(args, host),
  },
  {
    command: 'report <run>',
    describe: 'Write reports of a run again, in any format',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .example('$0 report runs/a -f md,csv', '')
          .example(
            '$0 report runs/a -f submission -o submission',
            'the folder for the SWE-bench leaderboard',
          ),
        {
          'Options:': {
            format: {
              alias: 'f',
              type: 'string',
              default: 'json,md,csv,official',
              desc: 'Comma-separated: json, md, csv, official, submission',
            },
            output: { alias: 'o', type: 'string', desc: 'Folder for the files; default: the run folder' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./report.js')).reportCommand(args, host),
  },
  {
    command: 'show <run> [id]',
    describe: 'Show a run, or one instance of it: verdict, failing tests, patch, log',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder' })
          .positional('id', { type: 'string', desc: 'Instance id' })
          .example('$0 show runs/a django__django-11099 --log', ''),
        {
          'Options:': {
            attempt: { type: 'number', default: 1, desc: 'Attempt of the instance' },
            patch: { type: 'boolean', default: false, desc: 'Print the patch' },
            log: { type: 'boolean', default: false, desc: 'Print the test log' },
            tests: { type: 'boolean', default: false, desc: 'List every expected test' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./show.js')).showCommand(args, host),
  },
  {
    command: 'shell <id>',
    describe: "Open an instance's container, or run in it what follows --",
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('id', { type: 'string', desc: 'Instance id' })
          .parserConfiguration({ 'populate--': true })
          .example('$0 shell sympy__sympy-13031', 'bash in /testbed, the environment active')
          .example('$0 shell sympy__sympy-13031 --patch fix.diff -- bash /eval.sh', 'the tests, by hand')
          .example('$0 shell assay-sample__tempo-1 -d sample -- git log --oneline', 'of another dataset')
          .example('$0 shell sympy__sympy-13031 --print-script', 'what /eval.sh is')
          .epilogue('The exit code is that of the command, or of the shell.'),
        {
          'Options:': {
            dataset: { alias: 'd', type: 'string', default: 'verified', desc: 'Alias, Hub id, or file' },
            patch: { type: 'string', desc: 'Apply this file first, as an evaluation does' },
            keep: {
              type: 'boolean',
              default: false,
              desc: 'Leave the container, and say how to get into it',
            },
            'print-script': { type: 'boolean', default: false, desc: 'Print the eval script, and stop' },
            profile: RUN_FLAGS.profile,
          },
          'Engine:': ENGINE_FLAGS,
          'Images:': INSTANCE_IMAGE_FLAGS,
          'Dataset:': DATASET_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./shell.js')).shellCommand(args, host),
  },
  {
    command: 'dataset <action> <dataset>',
    describe: 'list, show or check the instances of a dataset',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('action', {
            choices: ['list', 'show', 'check'],
            desc: 'list ids, show one (-i), check every row',
          })
          .positional('dataset', { type: 'string', desc: 'Alias, Hub id, or file' })
          .example('$0 dataset list verified --repo sympy/sympy', '')
          .example('$0 dataset show verified -i sympy__sympy-13031', ''),
        { 'Dataset:': { ...DATASET_FLAGS, ...JSON_FLAG }, 'Selection, in this order:': SELECTION_FLAGS },
      ),
    run: async (args, host) => (await import('./dataset.js')).datasetCommand(args, host),
  },
  imagesCommands,
  {
    command: 'gc',
    describe: 'Remove containers and workspaces that crashed runs left behind',
    builder: (yargs) =>
      withGroups(yargs.example('$0 gc', ''), { 'Options:': { engine: ENGINE_FLAGS.engine, ...JSON_FLAG } }),
    run: async (args, host) => (await import('./gc.js')).gcCommand(args, host),
  },
];
