import { ERRORS, type ErrorCode } from '../errors.js';
import type { RunResults } from '../model/run.js';
import type { ValidationEntry } from '../model/validation.js';
import type { Outcome, Phase, Verdict } from '../model/verdict.js';
import { type GoldValidity, goldValidity } from './gold-validity.js';
import { byInstance, type InstanceResults } from './instances.js';
import { clusteredError, mean, standardError } from './mean.js';
import { passAtK } from './pass-at-k.js';
import { binomialError, type Interval, wilsonInterval } from './proportion.js';
import { type OtherPython, otherPythons } from './python.js';

/** A share of resolved instances with its uncertainty, all as fractions; null where too few instances define it. */
export interface Rate {
  /** The denominator. */
  readonly instances: number;
  /** The numerator: sum over instances of the share of attempts that resolved it. */
  readonly score: number;
  readonly rate: number | null;
  /** Wilson, 95 %. */
  readonly interval: Interval | null;
  readonly binomialError: number | null;
  readonly instanceError: number | null;
  /** Standard error over instances clustered by repository. */
  readonly clusteredError: number | null;
}

/** A rate of the instances that share a repository or a difficulty. */
export interface Group extends Rate {
  readonly name: string;
}

/** An attempt that failed for the machine's fault, and what to do about it. */
export interface InfraFailure {
  readonly instanceId: string;
  readonly attempt: number;
  readonly reason: string;
  readonly phase?: Phase;
  readonly detail?: string;
  readonly fix: string;
}

/** An attempt that is officially resolved, and strictly not. */
export interface StrictDifference {
  readonly instanceId: string;
  readonly attempt: number;
  readonly reason: string;
  readonly detail?: string;
}

/** Rates of run i = attempt i of every instance; there only with the same number of attempts, two or more, for each instance. */
export interface RunsRate {
  readonly rates: readonly number[];
  readonly mean: number;
  readonly sem: number;
}

/** What a run came to; every report is made from this and the verdicts. */
export interface RunSummary {
  readonly runId: string;
  readonly model: string;
  readonly dataset: string;
  readonly datasetRevision: string;
  /** As it was named on the command line. */
  readonly datasetArgument: string;
  readonly profile: string;
  /** `imported`: nothing was run here. */
  readonly engine: string;
  /** True while attempts are missing or ended in an infrastructure error: the numbers will change. */
  readonly incomplete: boolean;
  /** Chosen instances. */
  readonly instances: number;
  readonly attempts: { readonly planned: number; readonly judged: number };
  readonly withoutPrediction: readonly string[];
  /** Planned attempts without a verdict. */
  readonly missing: readonly { readonly instanceId: string; readonly attempt: number }[];
  readonly infraFailures: readonly InfraFailure[];
  /** Attempts per outcome. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Attempts per reason, most frequent first. */
  readonly reasons: readonly {
    readonly outcome: Outcome;
    readonly reason: string;
    readonly attempts: number;
  }[];
  /** Over all chosen instances; whatever isn't resolved counts as not resolved. The figure to publish. */
  readonly passAt1: Rate;
  /** The same without missing attempts and infrastructure errors: an instance left with no attempt drops out. */
  readonly passAt1WithoutInfra: Rate;
  /** The same by strict verdicts, and where the two differ; null where an attempt that is officially resolved has no strict verdict. */
  readonly strict: { readonly passAt1: Rate; readonly differing: readonly StrictDifference[] } | null;
  readonly runs: RunsRate | null;
  /** For k from 1 to the smallest number of attempts of any instance with a prediction; over all chosen instances. */
  readonly passAtK: readonly { readonly k: number; readonly value: number }[];
  /** Over all chosen instances, largest group first. */
  readonly byRepository: readonly Group[];
  /** Empty where the dataset gives no difficulty. */
  readonly byDifficulty: readonly Group[];
  /** By the month in which the instance was created, oldest first; empty where the dataset gives no dates. */
  readonly byMonth: readonly Group[];
  /** By how long the tests of the instance's first attempt that has a score ran, shortest first; empty where no test ran. */
  readonly byDuration: readonly Group[];
  /** What a validation on this machine says of the chosen instances, and the rate over those that it found valid; null without one. */
  readonly validation: (GoldValidity & { readonly passAt1: Rate }) | null;
  /** Instances whose image has another Python (`major.minor`) than the recipe asks for. */
  readonly otherPythons: readonly OtherPython[];
}

/** All numbers of a report; `known` is what validations have found of the dataset's instances. */
export function summarise(results: RunResults, known: readonly ValidationEntry[] = []): RunSummary {
  const items = byInstance(results);
  const { settings, runId } = results.manifest;
  const missing = items.flatMap(missingAttempts);
  const infraFailures = results.verdicts.filter(({ outcome }) => outcome === 'infra_error').map(infraFailure);
  const all = items.map((item) => share(item, item.planned));
  const graded = items.filter((item) => item.planned === 0 || scored(item) > 0);
  const reposOf = (list: readonly InstanceResults[]) => list.map(({ instance }) => instance.repo);
  return {
    runId,
    model: settings.model,
    dataset: settings.dataset,
    datasetRevision: settings.datasetRevision,
    datasetArgument: String(settings.options['dataset'] ?? settings.dataset),
    profile: settings.profile,
    engine: settings.engine,
    incomplete: missing.length > 0 || infraFailures.length > 0,
    instances: items.length,
    attempts: {
      planned: items.reduce((sum, { planned }) => sum + planned, 0),
      judged: results.verdicts.length,
    },
    withoutPrediction: items
      .filter(({ planned }) => planned === 0)
      .map(({ instance }) => instance.instanceId),
    missing,
    infraFailures,
    outcomes: countOutcomes(results.verdicts),
    reasons: countReasons(results.verdicts),
    passAt1: rateOf(all, reposOf(items)),
    passAt1WithoutInfra: rateOf(
      graded.map((item) => share(item, scored(item))),
      reposOf(graded),
    ),
    strict: strictly(items, results.verdicts),
    runs: runsRate(items),
    passAtK: passAtKs(items),
    byRepository: groups(items, ({ instance }) => instance.repo),
    byDifficulty: items.some(({ instance }) => instance.difficulty !== undefined)
      ? groups(items, ({ instance }) => instance.difficulty ?? 'not given')
      : [],
    byMonth: items.some(({ instance }) => instance.createdAt !== undefined)
      ? byName(groups(items, ({ instance }) => instance.createdAt?.slice(0, 7) ?? 'not given'))
      : [],
    byDuration: items.some((item) => testSeconds(item) !== undefined) ? byDuration(items) : [],
    validation: validated(results, items, known),
    otherPythons: otherPythons(results.verdicts),
  };
}

function validated(
  { manifest }: RunResults,
  items: readonly InstanceResults[],
  known: readonly ValidationEntry[],
): RunSummary['validation'] {
  const validity = goldValidity({ settings: manifest.settings, items, known });
  if (validity === null) return null;
  const valid = items.filter(({ instance }) => validity.valid.includes(instance.instanceId));
  return {
    ...validity,
    passAt1: rateOf(
      valid.map((item) => share(item, item.planned)),
      valid.map(({ instance }) => instance.repo),
    ),
  };
}

function strictly(items: readonly InstanceResults[], verdicts: readonly Verdict[]): RunSummary['strict'] {
  const official = verdicts.filter(({ outcome }) => outcome === 'resolved');
  if (!verdicts.some(({ strict }) => strict !== undefined)) return null;
  if (official.some(({ strict }) => strict === undefined)) return null;
  return {
    passAt1: rateOf(
      items.map((item) => share(item, item.planned, isStrictlyResolved)),
      items.map(({ instance }) => instance.repo),
    ),
    differing: official.flatMap(({ instanceId, attempt, strict }) =>
      strict === undefined || strict.resolved
        ? []
        : [
            {
              instanceId,
              attempt,
              reason: strict.reason,
              ...(strict.detail === undefined ? {} : { detail: strict.detail }),
            },
          ],
    ),
  };
}

/** Officially. */
export const isResolved = ({ outcome }: Verdict) => outcome === 'resolved';
/** By the strict verdict; false where there is none. */
export const isStrictlyResolved = ({ strict }: Verdict) => strict?.resolved === true;
const resolved = ({ verdicts }: InstanceResults) => verdicts.filter(isResolved).length;
const scored = ({ verdicts }: InstanceResults) =>
  verdicts.filter(({ outcome }) => outcome !== 'infra_error').length;
/** The share of so many attempts that count, of 0 to 1; 0 of none. */
export const share = (item: InstanceResults, attempts: number, counts = isResolved) =>
  attempts === 0 ? 0 : item.verdicts.filter(counts).length / attempts;

/** The mean of scores of 0 to 1, an instance each, with its uncertainty. */
export function rateOf(scores: readonly number[], repos: readonly string[]): Rate {
  const instances = scores.length;
  const score = scores.reduce((sum, value) => sum + value, 0);
  const some = instances > 0;
  return {
    instances,
    score,
    rate: some ? score / instances : null,
    interval: some ? wilsonInterval(score, instances) : null,
    binomialError: some ? binomialError(score, instances) : null,
    instanceError: standardError(scores) ?? null,
    clusteredError: clusteredError(scores, (index) => repos[index] ?? '') ?? null,
  };
}

function groups(items: readonly InstanceResults[], nameOf: (item: InstanceResults) => string): Group[] {
  const members = new Map<string, InstanceResults[]>();
  for (const item of items) {
    const name = nameOf(item);
    const list = members.get(name);
    if (list === undefined) members.set(name, [item]);
    else list.push(item);
  }
  return [...members]
    .map(([name, list]) => ({
      name,
      ...rateOf(
        list.map((item) => share(item, item.planned)),
        list.map(({ instance }) => instance.repo),
      ),
    }))
    .sort((a, b) => b.instances - a.instances || (a.name < b.name ? -1 : 1));
}

const byName = (list: readonly Group[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Upper bounds in seconds of the groups by duration, with their names. */
const DURATIONS: readonly (readonly [number, string])[] = [
  [10, 'under 10 s'],
  [60, '10 to 60 s'],
  [300, '1 to 5 min'],
  [900, '5 to 15 min'],
  [Number.POSITIVE_INFINITY, 'over 15 min'],
];
const NO_TESTS = 'no test run';

function testSeconds({ verdicts }: InstanceResults): number | undefined {
  return verdicts.find(({ outcome }) => outcome !== 'infra_error')?.seconds['test'];
}

function byDuration(items: readonly InstanceResults[]): Group[] {
  const nameOf = (item: InstanceResults) => {
    const seconds = testSeconds(item);
    return seconds === undefined ? NO_TESTS : (DURATIONS.find(([bound]) => seconds < bound)?.[1] ?? NO_TESTS);
  };
  const order = [...DURATIONS.map(([, name]) => name), NO_TESTS];
  return groups(items, nameOf).sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

function runsRate(items: readonly InstanceResults[]): RunsRate | null {
  const planned = new Set(items.map((item) => item.planned).filter((count) => count > 0));
  const [runs, ...others] = planned;
  if (runs === undefined || runs < 2 || others.length > 0) return null;
  const rates = Array.from(
    { length: runs },
    (_, index) =>
      items.filter(({ verdicts }) =>
        verdicts.some(({ attempt, outcome }) => attempt === index + 1 && outcome === 'resolved'),
      ).length / items.length,
  );
  return { rates, mean: mean(rates), sem: standardError(rates) ?? 0 };
}

function passAtKs(items: readonly InstanceResults[]): RunSummary['passAtK'] {
  const counts = items.map(({ planned }) => planned).filter((planned) => planned > 0);
  if (counts.length === 0) return [];
  const most = counts.reduce((low, count) => Math.min(low, count));
  return Array.from({ length: most }, (_, index) => {
    const k = index + 1;
    const values = items.map((item) =>
      item.planned === 0 ? 0 : passAtK({ n: item.planned, c: resolved(item), k }),
    );
    return { k, value: mean(values) };
  });
}

function missingAttempts({ instance, planned, verdicts }: InstanceResults): RunSummary['missing'] {
  const seen = new Set(verdicts.map(({ attempt }) => attempt));
  return Array.from({ length: planned }, (_, index) => index + 1)
    .filter((attempt) => !seen.has(attempt))
    .map((attempt) => ({ instanceId: instance.instanceId, attempt }));
}

function infraFailure({ instanceId, attempt, reason, phase, detail }: Verdict): InfraFailure {
  const code: ErrorCode = Object.hasOwn(ERRORS, reason) ? (reason as ErrorCode) : 'internal';
  return {
    instanceId,
    attempt,
    reason,
    ...(phase === undefined ? {} : { phase }),
    ...(detail === undefined ? {} : { detail }),
    fix: ERRORS[code].fix,
  };
}

/** Number of verdicts per outcome. */
export function countOutcomes(verdicts: readonly Verdict[]): Record<Outcome, number> {
  const counts = { resolved: 0, unresolved: 0, invalid: 0, infra_error: 0 };
  for (const { outcome } of verdicts) counts[outcome]++;
  return counts;
}

function countReasons(verdicts: readonly Verdict[]): RunSummary['reasons'] {
  const counts = new Map<string, { outcome: Outcome; reason: string; attempts: number }>();
  for (const { outcome, reason } of verdicts) {
    const key = `${outcome} ${reason}`;
    const entry = counts.get(key) ?? { outcome, reason, attempts: 0 };
    entry.attempts++;
    counts.set(key, entry);
  }
  return [...counts.values()].sort((a, b) => b.attempts - a.attempts || (a.reason < b.reason ? -1 : 1));
}
