import { resolve } from 'node:path';
import { AssayError } from '../errors.js';
import type { Instance } from '../model/instance.js';
import type { Prediction } from '../model/prediction.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { listed, shown, withHints } from '../util/words.js';
import { checkPatch } from './check.js';
import { readSubmission, type Submitted } from './submission.js';

export interface PredictionsRead {
  /** Of the chosen instances, in file order. */
  readonly predictions: readonly Prediction[];
  readonly warnings: readonly string[];
  readonly sha256: string;
}

export interface PredictionsOptions {
  /** `gold`, `empty`, or the path of a file or folder. */
  readonly source: string;
  /** Relative paths start here. */
  readonly cwd: string;
  /** The chosen instances: predictions for others are left out. */
  readonly instances: readonly Instance[];
  /** Ids of the whole dataset; default: those of `instances`. A prediction for any other id is an error. */
  readonly knownIds?: Iterable<string>;
  /** Picks one model of a file with several, and names the model where the file doesn't. */
  readonly model?: string;
  /** Leave predictions for unknown ids out, with a warning. */
  readonly ignoreUnknown?: boolean;
}

/** Predictions as attempts of instances; patch texts are never changed. Rejects with AssayError(bad_predictions). */
export async function readPredictions(options: PredictionsOptions): Promise<PredictionsRead> {
  const { source, cwd, instances, model } = options;
  if (source === 'gold' || source === 'empty') return builtIn(source, instances, model);
  const path = resolve(cwd, source);
  const { items, sha256: hash, skipped } = await readSubmission(path);
  const warnings: string[] = [];
  if (skipped.length > 0) warnings.push(`${source}: not patch files, left out: ${listed(skipped, 5)}`);
  const named = pickModel({ items, model, source });
  const known = new Set(options.knownIds ?? instances.map((instance) => instance.instanceId));
  const unknown = [...new Set(named.map((item) => item.instanceId).filter((id) => !known.has(id)))];
  if (unknown.length > 0) {
    const message = `${source}: ${unknown.length} instance ids are not in the dataset: ${withHints(unknown, known)}`;
    if (options.ignoreUnknown !== true)
      throw new AssayError('bad_predictions', message, { detail: 'Leave them out with --ignore-unknown.' });
    warnings.push(message);
  }
  const chosen = new Set(instances.map((instance) => instance.instanceId));
  const kept = named.filter((item) => chosen.has(item.instanceId));
  warnings.push(...repeats(kept, source));
  return { predictions: withAttempts(kept), warnings, sha256: hash };
}

function builtIn(
  source: 'gold' | 'empty',
  instances: readonly Instance[],
  model: string | undefined,
): PredictionsRead {
  const items = instances.map(({ instanceId, patch }) => ({
    where: source,
    instanceId,
    model: model ?? source,
    patch: source === 'gold' ? patch : '',
  }));
  const hash = sha256(canonicalJson(items.map(({ instanceId, patch }) => [instanceId, patch])));
  const predictions = withAttempts(items);
  return {
    predictions:
      source === 'gold'
        ? predictions
        : predictions.map(({ defect: _empty, ...prediction }) => ({ ...prediction, untouched: true })),
    warnings: [],
    sha256: hash,
  };
}

type Named = Submitted & { readonly model: string };

/** The reference calls a missing name "None". */
function pickModel(options: {
  readonly items: readonly Submitted[];
  readonly model: string | undefined;
  readonly source: string;
}): Named[] {
  const { items, model, source } = options;
  const named = items.map((item) => ({ ...item, model: item.model ?? model ?? 'None' }));
  const names = [...new Set(named.map((item) => item.model))];
  for (const name of names)
    if (name === '' || name.length > 200 || /[\u0000-\u001f\u007f]/.test(name))
      throw new AssayError('bad_predictions', `${source}: not usable as a model name: ${shown(name)}`);
  if (model !== undefined) {
    const picked = named.filter((item) => item.model === model);
    if (picked.length === 0 && items.length > 0)
      throw new AssayError(
        'bad_predictions',
        `${source}: no prediction of --model ${shown(model)}; it has ${listed(names)}`,
      );
    return picked;
  }
  if (names.length > 1)
    throw new AssayError(
      'bad_predictions',
      `${source}: predictions of ${names.length} models: ${listed(names)}`,
      {
        detail: 'Pick one with --model NAME.',
      },
    );
  return named;
}

function withAttempts(items: readonly Named[]): Prediction[] {
  const counts = new Map<string, number>();
  return items.map(({ instanceId, model, patch }) => {
    const attempt = (counts.get(instanceId) ?? 0) + 1;
    counts.set(instanceId, attempt);
    return toPrediction({ instanceId, model, attempt, patch });
  });
}

/** A patch as it was submitted, with what can be told of its text. */
export function toPrediction(
  given: Pick<Prediction, 'instanceId' | 'model' | 'attempt' | 'patch'>,
): Prediction {
  const { defect, notes } = checkPatch(given.patch);
  return { ...given, notes: [...notes], ...(defect === undefined ? {} : { defect }) };
}

function repeats(items: readonly Named[], source: string): string[] {
  const patches = new Map<string, (string | null)[]>();
  for (const { instanceId, patch } of items) {
    const list = patches.get(instanceId);
    if (list === undefined) patches.set(instanceId, [patch]);
    else list.push(patch);
  }
  const several = [...patches].filter(([, list]) => list.length > 1);
  const same = several.filter(([, list]) => new Set(list).size < list.length);
  const ids = (list: typeof several) =>
    listed(
      list.map(([id]) => id),
      5,
    );
  return [
    ...(several.length === 0
      ? []
      : [
          `${source}: several predictions for ${several.length} instances, kept as attempts: ${ids(several)}`,
        ]),
    ...(same.length === 0
      ? []
      : [
          `${source}: the same patch more than once for ${same.length} instances, kept as attempts: ${ids(same)}`,
        ]),
  ];
}
