import type { DatasetFacts, ImageCounts } from '../doctor/dataset.js';
import { type AssayError, toAssayError } from '../errors.js';
import { familiarName } from '../image/plan.js';
import { isPublished } from '../image/resolve.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { DatasetFlags, SelectionFlags } from './flags.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { engineFor } from './plan.js';
import { benchmarkFor, datasetAliases } from './registry.js';

/** A dataset that is on this machine. */
export interface LocalDataset extends DatasetFacts {
  readonly specs: readonly EvalSpec[];
  /** The one that suits it. */
  readonly engine: 'docker' | 'local';
}

/** What the user wants to do. */
export interface Wish {
  readonly dataset: string;
  readonly found: LocalDataset | AssayError;
  readonly engineName: 'docker' | 'local';
  readonly offline: boolean;
}

/** The dataset as far as this machine has it, without the network; or why not. Never rejects. */
export async function localDataset(
  args: { readonly dataset: string } & Partial<DatasetFlags & SelectionFlags>,
  host: Host,
): Promise<LocalDataset | AssayError> {
  try {
    const { name, revision, instances } = await loadInstances({ ...args, offline: true }, host);
    const [first] = instances;
    return {
      ...{ name, revision, instances: instances.length },
      specs: [...specsOf(instances).values()],
      engine: first === undefined ? 'docker' : engineFor({}, benchmarkFor(first)),
    };
  } catch (error) {
    return toAssayError(error);
  }
}

/** The id on the Hub of a dataset that isn't here. */
export function hubIdOf(dataset: string): string {
  const source = Object.hasOwn(datasetAliases, dataset) ? datasetAliases[dataset] : undefined;
  return source !== undefined && 'dataset' in source ? source.dataset : dataset;
}

/** Which images of the specs there are by name, and the first of those. */
export function countImages(
  specs: readonly EvalSpec[],
  names: ReadonlySet<string>,
): ImageCounts & { readonly first: string | undefined } {
  const found = specs.map(({ images }) => images.find((ref) => names.has(familiarName(ref))));
  const missing = specs.filter((_, index) => found[index] === undefined);
  return {
    total: specs.length,
    present: specs.length - missing.length,
    unpublished: missing.filter(({ images }) => !images.some(isPublished)).length,
    first: found.find((ref) => ref !== undefined),
  };
}
