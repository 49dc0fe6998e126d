import type { InstanceImageFlags } from './connect.js';
import {
  BUILD_FLAGS,
  type DatasetFlags,
  type EngineFlags,
  PULL_FLAGS,
  type SelectionFlags,
} from './flags.js';

/** What is evaluated. */
export const PREDICTION_FLAGS = {
  predictions: {
    alias: ['p', 'predictions-path'],
    type: 'string',
    desc: 'JSONL, JSON list or map, or a folder of .diff files; each also .gz',
  },
  gold: { type: 'boolean', default: false, desc: 'Evaluate the gold patches' },
  empty: { type: 'boolean', default: false, desc: 'Evaluate without any patch: every instance must fail' },
  model: { type: 'string', desc: 'Take this model of a file that holds several, or name one that has none' },
  'ignore-unknown': { type: 'boolean', default: false, desc: 'Skip predictions for ids outside the dataset' },
  epochs: { alias: 'k', type: 'number', default: 1, desc: 'Evaluate each prediction this many times' },
} as const;

/** How attempts are evaluated. */
export const RUN_FLAGS = {
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
  reinstall: {
    choices: ['always', 'auto'],
    desc: 'auto: leave out the re-install of a script where `assay prove` has shown that it changes nothing for such a patch; default: always',
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

/** Who does the work. */
export const QUEUE_FLAG = {
  queue: {
    type: 'string',
    desc: 'postgres://...: gradings are done by the `assay worker`s of this queue, not here',
  },
} as const;

/** How an image of an instance is got. */
export const INSTANCE_IMAGE_FLAGS = {
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
export const EVAL_IMAGE_FLAGS = {
  ...INSTANCE_IMAGE_FLAGS,
  'max-disk': {
    type: 'string',
    desc: 'Remove least recently used images during the run so that ours stay below this: 100GB',
  },
} as const;

/** The flags of `assay eval`, as yargs gives them. */
export type EvalArgs = Readonly<
  { dataset: string } & Partial<DatasetFlags & SelectionFlags & EngineFlags> & {
      predictions?: string;
      gold?: boolean;
      empty?: boolean;
      model?: string;
      'ignore-unknown'?: boolean;
      epochs?: number;
      'run-id'?: string;
      output?: string;
      profile?: string;
      strict?: boolean;
      reinstall?: 'always' | 'auto';
      workers?: number;
      timeout?: string;
      'timeout-pull'?: string;
      'timeout-start'?: string;
      'timeout-apply'?: string;
      retries?: number;
      'max-failures'?: number;
      'fail-under'?: number;
      progress?: string;
      quiet?: boolean;
      'dry-run'?: boolean;
      json?: boolean;
      queue?: string;
    } & InstanceImageFlags
>;
