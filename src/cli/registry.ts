import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sampleBenchmark } from '../../benchmarks/sample/index.js';
import { sweBench } from '../../benchmarks/swe-bench/index.js';
import { v4_1, v5 } from '../../benchmarks/swe-bench/profiles.js';
import { sweRebenchV1Benchmark, sweRebenchV2Benchmark } from '../../benchmarks/swe-rebench/index.js';
import { rebenchV1, rebenchV2 } from '../../benchmarks/swe-rebench/profiles.js';
import { sweBench2025, sweBench2026, sweBenchAliases } from '../../datasets/swe-bench/index.js';
import {
  golubev2025,
  sweRebenchAliases,
  sweRebenchV1,
  sweRebenchV2,
} from '../../datasets/swe-rebench/index.js';
import type { DatasetFormat } from '../dataset/format.js';
import type { DatasetAliases } from '../dataset/load.js';
import type { Recipe } from '../dataset/recipe.js';
import { AssayError } from '../errors.js';
import type { Benchmark } from '../model/eval-spec.js';
import type { GradingProfile } from '../model/grading.js';
import type { Instance } from '../model/instance.js';
import { packageRoot } from '../util/package.js';

/** The one list of what the machinery works on: adding a benchmark is a folder each in datasets/ and benchmarks/, and a line here. */
export const datasetFormats: readonly DatasetFormat[] = [
  sweRebenchV2,
  sweRebenchV1,
  sweBench2026,
  sweBench2025,
];

const benchmarks: readonly Benchmark[] = [sweBench, sweRebenchV1Benchmark, sweRebenchV2Benchmark];

const profiles: readonly GradingProfile[] = [v5, v4_1, rebenchV1, rebenchV2];

const recipes: readonly Recipe[] = [golubev2025];

/** Owner in the `repo` of the rows that come with this package. */
const SAMPLE_OWNER = 'assay-sample/';
const SAMPLE = join(packageRoot(), 'datasets', 'sample');

export const datasetAliases: DatasetAliases = {
  ...sweBenchAliases,
  ...sweRebenchAliases,
  sample: { file: join(SAMPLE, 'instances.jsonl') },
  drills: { file: join(SAMPLE, 'drills', 'instances.jsonl') },
};

/** True for the prediction files that come with this package. */
export function isBundled(path: string): boolean {
  return existsSync(path) && resolve(path).startsWith(join(SAMPLE, 'predictions'));
}

/** The benchmark that an instance belongs to. */
export function benchmarkFor({ instanceId, repo, rowFormat }: Instance): Benchmark {
  if (repo.startsWith(SAMPLE_OWNER)) return sampleBenchmark;
  const found = benchmarks.find(({ rowFormats }) => rowFormats.includes(rowFormat));
  if (found === undefined)
    throw new AssayError('unsupported_row', `${instanceId}: no benchmark takes ${rowFormat} rows`);
  return found;
}

export const profileNames: readonly string[] = profiles.map(({ name }) => name);

/** The grading profile by name. */
export function profileNamed(name: string): GradingProfile {
  const found = profiles.find((profile) => profile.name === name);
  if (found === undefined)
    throw new AssayError(
      'usage',
      `no grading profile ${name}; known are ${profiles.map((profile) => profile.name).join(', ')}`,
    );
  return found;
}

/** The recipe of a dataset filter by name. */
export function recipeNamed(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found === undefined)
    throw new AssayError(
      'usage',
      `no recipe ${name}; known are ${recipes.map((recipe) => recipe.name).join(', ')}`,
    );
  return found;
}
