import { resolve } from 'node:path';
import { toInstances } from '../dataset/format.js';
import { hubSettingsFromEnv } from '../dataset/hub.js';
import { loadRows } from '../dataset/load.js';
import { selectInstances } from '../dataset/select.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import type { Instance } from '../model/instance.js';
import type { Prediction } from '../model/prediction.js';
import type { Job } from '../run-instance.js';
import { inShard } from '../util/shard.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { benchmarkFor, datasetAliases, datasetFormats } from './registry.js';

export interface LoadedDataset {
  /** Chosen by the selection flags, in run order; of these only the shard's. */
  readonly instances: readonly Instance[];
  /** The same of all shards. */
  readonly ofAllShards: readonly Instance[];
  /** Every instance of the dataset. */
  readonly all: readonly Instance[];
  /** The row of each, in the same order. */
  readonly rows: readonly unknown[];
  /** The bytes of each row, in the same order; undefined where its file isn't JSON lines. */
  readonly lines: readonly (Uint8Array | undefined)[];
  readonly name: string;
  readonly revision: string;
  readonly sha256: string;
}

type DatasetArgs = { readonly dataset: string } & Partial<DatasetFlags & SelectionFlags>;

/** Rows of the dataset as instances, filtered by the selection flags. */
export async function loadInstances(args: DatasetArgs, host: Host): Promise<LoadedDataset> {
  const rows = await loadRows({
    source: args.dataset,
    cwd: host.cwd,
    aliases: datasetAliases,
    revision: args.revision,
    split: args.split,
    refresh: args.refresh ?? false,
    cacheDir: host.cacheDir,
    hub: {
      ...hubSettingsFromEnv(host.env, host.home),
      ...(args.offline === undefined ? {} : { offline: args.offline }),
    },
  });
  const all = toInstances({ rows: rows.rows, formats: datasetFormats, file: rows.file });
  const ofAllShards = await selectInstances(all, selectionOf(args));
  return { ...rows, all, ofAllShards, instances: inShard(ofAllShards, args.shard) };
}

/** The selection flags that were given, but for the shard. */
function selectionOf(args: Partial<SelectionFlags>) {
  return {
    ids: args.id,
    idFile: args['id-file'] === undefined ? undefined : resolve(args['id-file']),
    filter: args.filter,
    repos: args.repo,
    since: args.since,
    until: args.until,
    month: args.month,
    shuffleSeed: args.shuffle,
    slice: args.slice,
    limit: args.limit,
  };
}

/** What to evaluate each instance by, in instance order. */
export function specsOf(instances: readonly Instance[]): ReadonlyMap<string, EvalSpec> {
  return new Map(
    instances.map((instance) => [instance.instanceId, benchmarkFor(instance).specFor(instance)]),
  );
}

/** One job per prediction and epoch. Attempt `(e - 1) * n + a` is epoch `e` of the `a`-th of at most `n` predictions. */
export function makeJobs(options: {
  readonly specs: ReadonlyMap<string, EvalSpec>;
  readonly predictions: readonly Prediction[];
  readonly profile: GradingProfile;
  readonly epochs: number;
}): Job[] {
  const { specs, predictions, profile, epochs } = options;
  const perEpoch = predictions.reduce((most, { attempt }) => Math.max(most, attempt), 0);
  return Array.from({ length: epochs }, (_, epoch) =>
    predictions.flatMap((prediction) => {
      const spec = specs.get(prediction.instanceId);
      return spec === undefined
        ? []
        : [{ spec, profile, prediction: { ...prediction, attempt: epoch * perEpoch + prediction.attempt } }];
    }),
  ).flat();
}
