import { AssayError } from '../errors.js';
import { alike, type LabelledRun } from './alike.js';
import { holm } from './holm.js';
import type { InstanceResults } from './instances.js';
import { type PairComparison, type PairSides, pairOf } from './pair.js';
import { isResolved, isStrictlyResolved, type Rate, rateOf, share } from './summary.js';

/** One of the compared runs, over the compared instances. */
export interface ComparedRun {
  /** Its run id, or more where ids are equal. */
  readonly label: string;
  readonly runId: string;
  readonly model: string;
  readonly engine: string;
  readonly createdAt: string;
  /** Whatever isn't resolved counts as not resolved. */
  readonly passAt1: Rate;
  /** Instances with an attempt that failed for the machine's fault, or that has no verdict. */
  readonly infra: readonly string[];
  readonly missing: readonly string[];
}

/** What `assay compare` found; every rendering is made from this. Rates and differences are fractions. */
export interface Comparison {
  readonly schemaVersion: 1;
  readonly verdicts: 'official' | 'strict';
  readonly dataset: string;
  readonly datasetRevision: string;
  readonly profile: string;
  readonly runs: readonly ComparedRun[];
  /** Each with its scores in the order of `runs`: the share of attempts that resolved it. */
  readonly instances: readonly {
    readonly instanceId: string;
    readonly repo: string;
    readonly scores: readonly number[];
  }[];
  /** By `intersect`: not in all runs, or with another row. */
  readonly leftOut: readonly string[];
  /** Instances that are `infra` or `missing` in a run: while there are any, the numbers will change. */
  readonly incomplete: readonly string[];
  /** Differences of the runs that may explain those of their results. */
  readonly warnings: readonly string[];
  /** Every two of the runs, in order; p-values are adjusted over all of them. */
  readonly pairs: readonly ComparedPair[];
  /** Of the bootstrap, and of random signs. */
  readonly seed: number;
}

/** Two of the runs, by their places in `runs`. */
export interface ComparedPair extends PairComparison {
  readonly a: number;
  readonly b: number;
  /** Holm, over all pairs; `test.p` where there is one pair. */
  readonly adjustedP: number;
}

interface CompareOptions {
  /** Two or more. */
  readonly runs: readonly LabelledRun[];
  /** Strict verdicts in place of the official ones. */
  readonly strict: boolean;
  /** Compare the instances that all runs have with the same row. */
  readonly intersect: boolean;
  /** Seeded generator of numbers in [0, 1). */
  readonly random: (seed: number) => () => number;
}

const SEED = 20_240_901;

/** Paired comparison of runs over the same instances; `runs_differ` where they aren't alike, or lack the strict verdicts. */
export function compareRuns({ runs, strict, intersect, random }: CompareOptions): Comparison {
  if (strict) assertStrict(runs);
  const { items, leftOut, warnings } = alike(runs, intersect);
  const [first = []] = items;
  const repos = first.map(({ instance }) => instance.repo);
  const ids = first.map(({ instance }) => instance.instanceId);
  const sides = items.map(
    (list): PairSides => ({
      scores: list.map((item) => share(item, item.planned, strict ? isStrictlyResolved : isResolved)),
      attempts: list.map(({ planned }) => planned),
    }),
  );
  const pairs = sides.flatMap((a, index) =>
    sides.slice(index + 1).map((b, offset) => ({
      a: index,
      b: index + 1 + offset,
      ...pairOf({ a, b, ids, repos, random: () => random(SEED) }),
    })),
  );
  const adjusted = holm(pairs.map(({ test }) => test.p));
  const compared = runs.map((run, index) => comparedRun(run, items[index] ?? [], sides[index]?.scores ?? []));
  const uncertain = new Set(compared.flatMap(({ infra, missing }) => [...infra, ...missing]));
  const { settings } = (runs[0] as LabelledRun).results.manifest;
  return {
    schemaVersion: 1,
    verdicts: strict ? 'strict' : 'official',
    dataset: settings.dataset,
    datasetRevision: settings.datasetRevision,
    profile: settings.profile,
    runs: compared,
    instances: first.map(({ instance: { instanceId, repo } }, at) => ({
      instanceId,
      repo,
      scores: sides.map(({ scores }) => scores[at] as number),
    })),
    leftOut,
    incomplete: ids.filter((id) => uncertain.has(id)),
    warnings,
    pairs: pairs.map((pair, index) => ({ ...pair, adjustedP: adjusted[index] as number })),
    seed: SEED,
  };
}

/**
 * The pairs of the first run with another that is worse: a difference below 0 whose adjusted p is below alpha. They stand only where the
 * comparison is complete: the machine's failures would count as the run's.
 */
export function regressions({ pairs }: Comparison, alpha: number): readonly ComparedPair[] {
  return pairs.filter(({ a, difference, adjustedP }) => a === 0 && difference < 0 && adjustedP < alpha);
}

function comparedRun(
  { label, results: { manifest } }: LabelledRun,
  items: readonly InstanceResults[],
  scores: readonly number[],
): ComparedRun {
  const idsOf = (list: readonly InstanceResults[]) => list.map(({ instance }) => instance.instanceId);
  return {
    label,
    runId: manifest.runId,
    model: manifest.settings.model,
    engine: manifest.settings.engine,
    createdAt: manifest.createdAt,
    passAt1: rateOf(
      scores,
      items.map(({ instance }) => instance.repo),
    ),
    infra: idsOf(items.filter(({ verdicts }) => verdicts.some(({ outcome }) => outcome === 'infra_error'))),
    missing: idsOf(items.filter(({ planned, verdicts }) => verdicts.length < planned)),
  };
}

function assertStrict(runs: readonly LabelledRun[]): void {
  const lacking = runs.flatMap(({ label, results: { verdicts } }) => {
    const without = verdicts.filter((verdict) => isResolved(verdict) && verdict.strict === undefined).length;
    return without === 0 ? [] : [`  ${label} lacks those of ${without} resolved attempts`];
  });
  if (lacking.length > 0)
    throw new AssayError('runs_differ', 'the strict verdicts of these runs can not be compared', {
      detail: [...lacking, '  leave --strict out to compare the official ones'].join('\n'),
    });
}
