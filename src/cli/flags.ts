import type { Argv, InferredOptionTypes, Options } from 'yargs';
import type { PullRate } from '../image/pull-rate.js';
import { usage } from './exit.js';

/** Which instances: applied in this order: ids, filters, shuffle, slice, limit, shard, epochs. */
export const SELECTION_FLAGS = {
  // `instance` and `instance-ids` are the reference harness's names, here and below.
  id: {
    alias: ['i', 'instance', 'instance-ids'],
    type: 'string',
    array: true,
    desc: 'Instance id (repeatable)',
  },
  'id-file': { type: 'string', desc: 'File with one instance id per line' },
  filter: { type: 'string', desc: 'Regular expression on instance ids' },
  repo: { type: 'string', array: true, desc: 'Repository, owner/name (repeatable)' },
  since: { type: 'string', desc: 'Created at or after this date (ISO 8601)' },
  until: { type: 'string', desc: 'Created before this date (ISO 8601)' },
  month: { type: 'string', desc: 'Created in this month, e.g. 2025-05' },
  shuffle: { type: 'number', desc: 'Shuffle with this seed' },
  slice: { type: 'string', desc: 'Python-like slice a:b of what is left' },
  limit: { alias: 'n', type: 'number', desc: 'At most this many instances' },
  shard: { type: 'string', desc: 'Part i/n by a hash of the id, e.g. 2/5' },
} as const satisfies Record<string, Options>;

/** One meaning everywhere; also ASSAY_OFFLINE=1 and HF_HUB_OFFLINE=1. */
export const OFFLINE_FLAG = {
  offline: {
    type: 'boolean',
    default: false,
    desc: 'Fetch nothing: datasets from the cache, images from the engine; what is missing is named',
  },
} as const satisfies Record<string, Options>;

/** Where rows come from. */
export const DATASET_FLAGS = {
  revision: { type: 'string', desc: 'Hub revision; the first one resolved is pinned otherwise' },
  split: { alias: 's', type: 'string', desc: 'Split of the dataset' },
  refresh: { type: 'boolean', default: false, desc: 'Resolve the newest Hub revision again' },
  ...OFFLINE_FLAG,
} as const satisfies Record<string, Options>;

/** The engine and its sandbox. */
export const ENGINE_FLAGS = {
  engine: { choices: ['docker', 'local'] as const, desc: 'Default: docker; local for the sample benchmark' },
  runtime: {
    type: 'string',
    desc: 'A runtime that Docker knows, for more isolation: runsc (gVisor), kata; default: its own default',
  },
  'allow-unisolated': {
    type: 'boolean',
    default: false,
    desc: 'Run patches from strangers without isolation (local engine)',
  },
  network: {
    choices: ['auto', 'on', 'off'] as const,
    default: 'auto' as const,
    desc: 'auto: only for instances that truly need it; recorded in the verdict',
  },
  memory: { type: 'string', default: '4g', desc: 'Memory limit of a container' },
  disk: { type: 'string', desc: 'What a container may write to the disk while tests run; default: 10g' },
  cpus: {
    type: 'number',
    desc: 'CPU limit of a container; default: the cores of the engine / workers, at least 1',
  },
  pids: { type: 'number', default: 4096, desc: 'Process limit of a container' },
} as const satisfies Record<string, Options>;

/** How images are built. */
export const BUILD_FLAGS = {
  base: {
    type: 'string',
    array: true,
    desc: 'Local base image, or VERSION=IMAGE for one Python version (repeatable)',
  },
  mirror: {
    type: 'string',
    array: true,
    desc: 'OWNER/NAME=PATH: a local clone instead of GitHub (repeatable)',
  },
  'ca-file': {
    type: 'string',
    desc: 'PEM file to trust while packages are fetched (a proxy with its own certificate)',
  },
  locks: { type: 'string', desc: 'Folder of the lock files of environments; default: in the cache' },
  'update-locks': {
    type: 'boolean',
    default: false,
    desc: 'Resolve the versions of environments anew and write their lock files',
  },
} as const satisfies Record<string, Options>;

/** How published images are pulled. */
export const PULL_FLAGS = {
  rate: {
    type: 'string',
    default: '100/6h',
    desc: 'Pulls from Docker Hub without a login, COUNT/TIME; 0: no limit',
  },
  'update-digests': {
    type: 'boolean',
    default: false,
    desc: 'Take what a name stands for now, and record its digest',
  },
} as const satisfies Record<string, Options>;

export const JSON_FLAG = { json: { type: 'boolean', default: false, desc: 'JSON on stdout' } } as const;

/** What is shown of an instance of a run. */
export const SHOW_FLAGS = {
  attempt: { type: 'number', default: 1, desc: 'Attempt of the instance' },
  patch: { type: 'boolean', default: false, desc: 'Print the patch' },
  log: { type: 'boolean', default: false, desc: 'Print the test log' },
  tests: { type: 'boolean', default: false, desc: 'List every expected test' },
  ...JSON_FLAG,
} as const satisfies Record<string, Options>;

export type PullFlags = InferredOptionTypes<typeof PULL_FLAGS>;
export type DatasetFlags = InferredOptionTypes<typeof DATASET_FLAGS>;
export type SelectionFlags = InferredOptionTypes<typeof SELECTION_FLAGS>;
export type EngineFlags = InferredOptionTypes<typeof ENGINE_FLAGS>;

/** Flags by name, as yargs takes them. */
export type Flags = Readonly<Record<string, Options>>;

/** What `withGroups` has added, by parser. */
const added = new WeakMap<object, Flags>();

/** The flags that `withGroups` has added to a parser, its positional arguments not among them. */
export function flagsOf(yargs: object): Flags {
  return added.get(yargs) ?? {};
}

/** Adds groups of flags under a heading each. */
export function withGroups<T>(yargs: Argv<T>, groups: Readonly<Record<string, Flags>>): Argv<T> {
  let result = yargs;
  added.set(yargs, Object.assign({}, ...Object.values(groups)) as Flags);
  for (const [heading, flags] of Object.entries(groups))
    result = result.options(flags).group(Object.keys(flags), heading) as Argv<T>;
  const single = Object.values(groups)
    .flatMap((flags) => Object.entries(flags))
    .filter(([, { array }]) => array !== true);
  return result.check((args) => {
    for (const [name] of single)
      if (Array.isArray((args as Record<string, unknown>)[name])) throw usage(`--${name} is given twice`);
    return true;
  });
}

/** `--max_workers` -> `--max-workers`, as the reference harness writes its flags; nothing after `--` is touched. */
export function withDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) =>
    /^--[a-z]/.test(word) && (end < 0 || at < end)
      ? word.replace(/^[^=]+/, (name) => name.replaceAll('_', '-'))
      : word,
  );
}

/** Throws `usage` unless the flag is absent or a whole number from `minimum`. */
export function checkCount(value: number | undefined, flag: string, minimum: number): void {
  if (value !== undefined && (!Number.isSafeInteger(value) || value < minimum))
    throw usage(`--${flag} ${value}: expected a whole number from ${minimum}`);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600 };
const SIZES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `90`, `90s`, `30m`, `2h` -> seconds; a bare number is seconds. */
export function parseSeconds(text: string | number, flag: string): number {
  return parseUnits(String(text), flag, UNITS, '90, 90s, 30m or 2h');
}

/** `4g`, `512m`, `100GB` -> bytes, powers of 1024. */
export function parseBytes(text: string, flag: string): number {
  return parseUnits(text.replace(/i?b$/i, ''), flag, SIZES, '512m or 4g');
}

/** `100/6h` -> at most so many pulls in so many seconds; undefined for `0`. */
export function parseRate(text: string): PullRate | undefined {
  if (text.trim() === '0') return undefined;
  const [count = '', time = ''] = text.split('/');
  if (!/^\s*[1-9]\d*\s*$/.test(count)) throw usage(`--rate ${text}: expected COUNT/TIME, e.g. 100/6h, or 0`);
  return { count: Number(count), seconds: parseSeconds(time, 'rate') };
}

function parseUnits(
  text: string,
  flag: string,
  units: Readonly<Record<string, number>>,
  example: string,
): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]?)$/i.exec(text.trim());
  const unit = units[match?.[2]?.toLowerCase() ?? '?'];
  const value = Number(match?.[1]);
  if (match === null || unit === undefined || !(value > 0))
    throw usage(`--${flag} ${text}: expected e.g. ${example}`);
  return value * unit;
}
