import {
  byInstance,
  type RunInstance,
  type RunManifest,
  type RunResults,
  type RunSummary,
  type Trajectory,
  type Verdict,
} from '../../src/index.js';
import type { AttemptDetail, AttemptRow, Condition, EpisodeDetail, Live, RunPage } from './model.js';
import { recipeText } from './recipe.js';
import { reproduce } from './reproduce.js';

/** Where the parts of an attempt are to be had. */
export type Sources = Pick<AttemptRow, 'detail' | 'logs' | 'episode'>;

interface RunPageOptions {
  readonly results: RunResults;
  readonly summary: RunSummary;
  /** By `<instance id>#<attempt>`. */
  readonly sources: ReadonlyMap<string, Sources>;
  /** ISO 8601. */
  readonly generatedAt: string;
  readonly live?: Live;
}

/** All that the page of a run shows at once; what is behind a click is named only. */
export function runPage({ results, summary, sources, generatedAt, live }: RunPageOptions): RunPage {
  const validation = new Map<string, string>([
    ...(summary.validation?.valid ?? []).map((id) => [id, 'valid'] as const),
    ...(summary.validation?.notValid ?? []).map((entry) => [entry.instanceId, entry.class] as const),
  ]);
  const rows = byInstance(results).flatMap(({ instance, planned, verdicts }) => {
    const attempts = planned === 0 ? [0] : Array.from({ length: planned }, (_, index) => index + 1);
    return attempts.map((attempt) => {
      const known = validation.get(instance.instanceId);
      return {
        ...rowOf(
          instance,
          attempt,
          verdicts.find((verdict) => verdict.attempt === attempt),
        ),
        ...(known === undefined ? {} : { validation: known }),
        logs: [],
        ...sources.get(`${instance.instanceId}#${attempt}`),
      };
    });
  });
  return {
    ...{ kind: 'run', schemaVersion: 1, manifest: results.manifest, summary },
    conditions: conditionsOf(results.verdicts),
    images: new Set(results.verdicts.flatMap(({ imageDigest }) => imageDigest ?? [])).size,
    ...{ rows, generatedAt },
    ...(live === undefined ? {} : { live }),
  };
}

function rowOf(
  instance: RunInstance,
  attempt: number,
  verdict: Verdict | undefined,
): Omit<AttemptRow, 'logs'> {
  const { instanceId, repo, difficulty, createdAt } = instance;
  const about = {
    ...{ instanceId, repo, attempt },
    ...(difficulty === undefined ? {} : { difficulty }),
    ...(createdAt === undefined ? {} : { month: createdAt.slice(0, 7) }),
  };
  if (verdict === undefined) return { ...about, outcome: attempt === 0 ? 'no_prediction' : 'missing' };
  const { outcome, reason, strict, tests, seconds } = verdict;
  const passed = (name: 'FAIL_TO_PASS' | 'PASS_TO_PASS', expected: readonly string[]) =>
    [tests?.[name].success.length ?? 0, expected.length] as const;
  return {
    ...{ ...about, outcome, reason },
    ...(strict === undefined ? {} : { strict: { resolved: strict.resolved, reason: strict.reason } }),
    ...(tests === undefined
      ? {}
      : {
          failToPass: passed('FAIL_TO_PASS', instance.failToPass),
          passToPass: passed('PASS_TO_PASS', instance.passToPass),
        }),
    seconds: Object.values(seconds).reduce((sum, value) => sum + value, 0),
    ...(seconds['test'] === undefined ? {} : { testSeconds: seconds['test'] }),
  };
}

/** What attempts have in common or differ in, with how many have each value. */
function conditionsOf(verdicts: readonly Verdict[]): readonly Condition[] {
  const of: Readonly<Record<string, (verdict: Verdict) => string | undefined>> = {
    grader: ({ graderVersion }) => graderVersion,
    engine: ({ engine }) => engine,
    isolation: ({ isolation }) => isolation,
    network: ({ engine, granted }) =>
      engine === 'imported' ? undefined : granted.network === true ? 'granted' : 'none',
    'applied with': ({ appliedWith }) => appliedWith,
    python: ({ imagePython }) => imagePython?.has,
  };
  return Object.entries(of).flatMap(([name, read]) => {
    const counts = new Map<string, number>();
    for (const verdict of verdicts) {
      const value = read(verdict);
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts]
      .map(([value, attempts]) => ({ value, attempts }))
      .sort((a, b) => b.attempts - a.attempts);
    return values.length === 0 ? [] : [{ name, values }];
  });
}

/** All of one attempt but its logs. */
export function detailOf({
  manifest,
  instance,
  verdict,
  patch,
}: {
  readonly manifest: RunManifest;
  readonly instance: RunInstance;
  readonly verdict: Verdict;
  readonly patch: string;
}): AttemptDetail {
  const { goldPatch, recipe } = instance;
  return {
    ...{ verdict, patch },
    ...(goldPatch === undefined ? {} : { goldPatch }),
    ...(recipe === undefined ? {} : { recipe: recipeText(recipe) }),
    reproduce: reproduce(manifest, verdict),
  };
}

/** An episode as it is shown. */
export function episodeDetail({ turns, ...trajectory }: Trajectory): EpisodeDetail {
  return { ...trajectory, turns: turns.map(({ tokens: _tokens, ...turn }) => turn) };
}
