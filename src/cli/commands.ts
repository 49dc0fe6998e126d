import type { Command, CommandGroup } from './command.js';
import { compareCommand } from './compare-command.js';
import { completionCommand } from './completion.js';
import { configCommands } from './config-commands.js';
import { datasetCommands } from './dataset-commands.js';
import { doctorCommand } from './doctor-command.js';
import {
  DATASET_FLAGS,
  ENGINE_FLAGS,
  JSON_FLAG,
  OFFLINE_FLAG,
  SELECTION_FLAGS,
  SHOW_FLAGS,
  withGroups,
} from './flags.js';
import { gcCommand } from './gc-command.js';
import { harborCommands } from './harbor-commands.js';
import { imagesCommands } from './images-commands.js';
import { rolloutCommand } from './rollout-command.js';
import {
  EVAL_IMAGE_FLAGS,
  INSTANCE_IMAGE_FLAGS,
  PREDICTION_FLAGS,
  QUEUE_FLAG,
  RUN_FLAGS,
} from './run-flags.js';
import { runsCommands } from './runs-commands.js';
import { serveCommand } from './serve-command.js';
import { trainCommands } from './train-command.js';
import { trajectoriesCommands } from './trajectories-commands.js';
import { workerCommand } from './worker-command.js';

const {
  'fail-under': _failUnder,
  'dry-run': _dryRun,
  strict: _strict,
  reinstall: _reinstall,
  ...SHARED_RUN_FLAGS
} = RUN_FLAGS;
const VALIDATE_RUN_FLAGS = {
  epochs: { ...PREDICTION_FLAGS.epochs, default: 3, desc: 'Evaluate both this many times' },
  ...SHARED_RUN_FLAGS,
  'run-id': { ...RUN_FLAGS['run-id'], desc: 'Name of the run; default: dataset.validate' },
} as const;

/** All commands that do something with runs. A new one is a file in `src/cli/` and an entry here. */
const ownCommands: readonly (Command | CommandGroup)[] = [
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
          'Run:': { ...RUN_FLAGS, ...QUEUE_FLAG, ...JSON_FLAG },
          'Engine:': ENGINE_FLAGS,
          'Images:': EVAL_IMAGE_FLAGS,
          'Dataset:': DATASET_FLAGS,
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./evaluate.js')).evalCommand(args, host),
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
    command: 'prove <dataset>',
    describe: 'Find out where the re-install of eval scripts may be left out (--reinstall auto)',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('dataset', { type: 'string', desc: 'Alias, Hub id, or file' })
          .example('$0 prove verified --repo sympy/sympy', 'all of sympy; kept in the cache')
          .epilogue('What a proof is: docs/reinstall.md.'),
        {
          'Run:': {
            profile: RUN_FLAGS.profile,
            workers: RUN_FLAGS.workers,
            timeout: RUN_FLAGS.timeout,
            refresh: { type: 'boolean', default: false, desc: 'Find again what is known' },
            ...JSON_FLAG,
          },
          'Engine:': ENGINE_FLAGS,
          'Images:': INSTANCE_IMAGE_FLAGS,
          'Dataset:': {
            revision: DATASET_FLAGS.revision,
            split: DATASET_FLAGS.split,
            offline: DATASET_FLAGS.offline,
          },
          'Selection, in this order:': SELECTION_FLAGS,
        },
      ),
    run: async (args, host) => (await import('./prove.js')).proveCommand(args, host),
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
            ...OFFLINE_FLAG,
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
          .example('$0 merge runs/a.*-of-4 -o runs/a', 'what --shard 1/4 to 4/4 made'),
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
    describe: 'Write reports of a run again, in any format, and charts; of a training its page and charts',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('run', { type: 'string', desc: 'Run folder, or folder of a training' })
          .example('$0 report runs/a -f html', 'one page with everything, for a browser')
          .example('$0 report runs/a -f md,csv', '')
          .example('$0 report runs/a --plots plots', 'its charts as SVG files')
          .example('$0 report runs/stage1 -f html', 'the curves of a training')
          .example(
            '$0 report runs/a -f submission -o submission',
            'the folder for the SWE-bench leaderboard',
          ),
        {
          'Options:': {
            format: {
              alias: 'f',
              type: 'string',
              desc: 'Comma-separated: json, md, csv, junit, html, github, official, submission; default: json,md,csv,junit,official, of a training html, none with --plots',
            },
            plots: { type: 'string', desc: 'Write the charts as SVG files into this folder' },
            output: { alias: 'o', type: 'string', desc: 'Folder for the files; default: the run folder' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./report.js')).reportCommand(args, host),
  },
  compareCommand,
  {
    command: 'view [folder]',
    describe: 'Show runs in a browser, live while they go on',
    builder: (yargs) =>
      withGroups(
        yargs
          .positional('folder', { type: 'string', default: 'runs', desc: 'Folder of runs, or one run' })
          .example('$0 view', 'all of runs/, at http://127.0.0.1:7700')
          .example('$0 view runs/verified.gold --port 0', 'one run, at a port that is free'),
        {
          'Options:': {
            host: { type: 'string', default: '127.0.0.1', desc: 'Address to listen at' },
            port: { type: 'number', default: 7700, desc: 'Port; 0: one that is free' },
            ...JSON_FLAG,
          },
        },
      ),
    run: async (args, host) => (await import('./view.js')).viewCommand(args, host),
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
        { 'Options:': SHOW_FLAGS },
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
  datasetCommands,
  rolloutCommand,
  serveCommand,
  workerCommand,
  imagesCommands,
  harborCommands,
  trajectoriesCommands,
  trainCommands,
  runsCommands,
  doctorCommand,
  gcCommand,
];

/** All commands. */
export const commands: readonly (Command | CommandGroup)[] = [
  ...ownCommands,
  configCommands(ownCommands),
  completionCommand,
];
