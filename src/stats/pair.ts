import { bootstrapInterval } from './bootstrap.js';
import { exactMcNemar } from './mcnemar.js';
import { clusteredError, mean, standardError } from './mean.js';
import { smallestDetectable } from './power.js';
import type { Interval } from './proportion.js';
import { signFlipTest } from './sign-flip.js';

/** Scores of a run, and the attempts behind each; an entry per instance. */
export interface PairSides {
  readonly scores: readonly number[];
  readonly attempts: readonly number[];
}

/** Two runs over the same instances: all of B minus A. */
export interface PairComparison {
  /** Counts of instances by what resolved them; null where a score lies between 0 and 1. */
  readonly table: {
    readonly both: number;
    readonly onlyA: number;
    readonly onlyB: number;
    readonly neither: number;
  } | null;
  /** Instances where B scores higher, and where it scores lower. */
  readonly wins: readonly string[];
  readonly losses: readonly string[];
  /** Of the rates, as a fraction. */
  readonly difference: number;
  /** 95 %, paired bootstrap: repositories drawn as a whole, and instances drawn one by one. */
  readonly interval: { readonly byRepository: Interval | null; readonly byInstance: Interval | null };
  readonly standardError: { readonly byRepository: number | null; readonly byInstance: number | null };
  /** `mcnemar`: exact, where each score is 0 or 1; `sign-flip`: permutation test, by all signs or by random ones. */
  readonly test: {
    readonly name: 'mcnemar' | 'sign-flip';
    readonly method: 'exact' | 'monte-carlo';
    readonly p: number;
  };
  /** Smallest difference that this many instances show with 80 % power at alpha 0.05; null where none does, or no instance differs. */
  readonly smallestDetectable: number | null;
  /** Largest first. */
  readonly byRepository: readonly RepositoryPair[];
}

export interface RepositoryPair {
  readonly repo: string;
  readonly instances: number;
  /** Sums of scores. */
  readonly a: number;
  readonly b: number;
  readonly wins: number;
  readonly losses: number;
}

interface PairOptions {
  readonly a: PairSides;
  readonly b: PairSides;
  /** Of each instance. */
  readonly ids: readonly string[];
  readonly repos: readonly string[];
  /** A new generator of the same numbers each time. */
  readonly random: () => () => number;
}

/** Compares two runs, instance by instance. */
export function pairOf({ a, b, ids, repos, random }: PairOptions): PairComparison {
  const differences = b.scores.map((score, at) => score - (a.scores[at] as number));
  const repoOf = (at: number) => repos[at] ?? '';
  const table = tableOf(a.scores, b.scores);
  return {
    table,
    wins: ids.filter((_, at) => (differences[at] as number) > 0),
    losses: ids.filter((_, at) => (differences[at] as number) < 0),
    difference: mean(differences),
    interval: {
      byRepository: bootstrapInterval({ values: differences, clusterOf: repoOf, random: random() }),
      byInstance: bootstrapInterval({ values: differences, clusterOf: (at) => at, random: random() }),
    },
    standardError: {
      byRepository: clusteredError(differences, repoOf) ?? null,
      byInstance: standardError(differences) ?? null,
    },
    test:
      table === null
        ? { name: 'sign-flip', ...signFlipTest({ differences: wholeDifferences(a, b), random: random() }) }
        : { name: 'mcnemar', method: 'exact', p: exactMcNemar(table.onlyA, table.onlyB) },
    smallestDetectable: smallestDetectable(differences),
    byRepository: repositories(a, b, repos),
  };
}

function tableOf(a: readonly number[], b: readonly number[]): PairComparison['table'] {
  if ([...a, ...b].some((score) => score !== 0 && score !== 1)) return null;
  const count = (ofA: number, ofB: number) => a.filter((score, at) => score === ofA && b[at] === ofB).length;
  return { both: count(1, 1), onlyA: count(1, 0), onlyB: count(0, 1), neither: count(0, 0) };
}

/** Differences in units of the smallest share that all numbers of attempts divide into. */
function wholeDifferences(a: PairSides, b: PairSides): readonly number[] {
  const counts = new Set([...a.attempts, ...b.attempts].filter((count) => count > 0));
  const unit = [...counts].reduce((multiple, count) => (multiple * count) / divisor(multiple, count), 1);
  return b.scores.map((score, at) => Math.round((score - (a.scores[at] as number)) * unit));
}

/** Greatest common divisor. */
function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function repositories(a: PairSides, b: PairSides, repos: readonly string[]): readonly RepositoryPair[] {
  const found = new Map<string, RepositoryPair>();
  for (const [at, repo] of repos.entries()) {
    const [ofA, ofB] = [a.scores[at] as number, b.scores[at] as number];
    const sums = found.get(repo) ?? { repo, instances: 0, a: 0, b: 0, wins: 0, losses: 0 };
    found.set(repo, {
      repo,
      instances: sums.instances + 1,
      a: sums.a + ofA,
      b: sums.b + ofB,
      wins: sums.wins + (ofB > ofA ? 1 : 0),
      losses: sums.losses + (ofB < ofA ? 1 : 0),
    });
  }
  return [...found.values()].sort((x, y) => y.instances - x.instances || (x.repo < y.repo ? -1 : 1));
}
