import { describe, expect, test } from '@jest/globals';
import type { Rollouts } from '../../plugins/agent/rollouts.js';
import { rolloutAttempts } from '../../src/cli/rollout-attempts.js';
import { AssayError } from '../../src/errors.js';
import type { EpisodeResult, Verdict } from '../../src/index.js';
import { type AttemptHooks, type Attempts, atMost } from '../../src/run/attempts.js';
import { unjudged } from '../../src/run/unjudged.js';
import type { Job } from '../../src/run-instance.js';
import { episode, result } from '../agent/records.js';
import { gate, taskOf } from '../agent/rollouts-helpers.js';
import { testClock, testJob } from '../helpers/jobs.js';

const job = (attempt: number): Job => testJob('a__b-1', null, { attempt });

/** Of a job, with this outcome. */
function verdictOf(of: Job, more: Partial<Verdict>): Verdict {
  const blank = unjudged(of, new AssayError('internal', 'none'), {
    ...{ engine: 'local', isolation: 'none', clock: testClock() },
  });
  return { ...blank, ...more };
}

interface Given {
  readonly play: (sample: number, stop: AbortSignal) => Promise<Partial<EpisodeResult>>;
  readonly grade?: (job: Job) => Promise<Verdict>;
  readonly before?: readonly Verdict[];
  readonly stopGroup?: number;
}

function attempts({ play, grade, before = [], stopGroup }: Given) {
  const finished: Verdict[] = [];
  const closed: string[] = [];
  const rollouts: Rollouts = {
    play: async ({ sample }, stop) => ({
      episode: episode({ sample }),
      result: { ...result(1), ...(await play(sample, stop)) },
    }),
  };
  const hooks: AttemptHooks = {
    begin: async () =>
      ({ log: () => undefined, finish: async (verdict: Verdict) => void finished.push(verdict) }) as never,
    onRetry: async () => undefined,
    onPhase: () => undefined,
    upcoming: () => [],
  };
  const grader: Attempts | undefined =
    grade === undefined
      ? undefined
      : atMost({ attempt: grade, finish: async () => void closed.push('grader') }, 1);
  const all = rolloutAttempts({
    open: async () => rollouts,
    close: async () => void closed.push('rollouts'),
    taskOf: ({ prediction }) => taskOf(prediction.attempt),
    ...(grader === undefined ? {} : { grader }),
    ...(stopGroup === undefined ? {} : { stopGroup }),
    ...{ before, engine: 'local', isolation: 'a sandbox', clock: testClock() },
  });
  return { run: (of: Job) => all.attempt(of, hooks), finish: all.finish, finished, closed };
}

describe('attempts that play an episode first', () => {
  test('grade its patch, as many at once as may be, and hold up no episode', async () => {
    const graded = gate();
    const played: number[] = [];
    let grading = 0;
    let most = 0;
    const { run, finish, closed } = attempts({
      play: async (sample) => {
        played.push(sample);
        return { patch: `patch ${sample}` };
      },
      async grade(of) {
        most = Math.max(most, ++grading);
        await graded.opened;
        grading--;
        return verdictOf(of, {
          outcome: of.prediction.patch?.startsWith('patch') ? 'resolved' : 'unresolved',
        });
      },
    });
    const all = [1, 2, 3].map((sample) => run(job(sample)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(played).toEqual([1, 2, 3]);
    graded.open();
    expect((await Promise.all(all)).map((verdict) => verdict?.outcome)).toEqual(Array(3).fill('resolved'));
    expect(most).toBe(1);
    await finish();
    expect(closed).toEqual(['grader', 'rollouts']);
  });

  test.each([
    ['policy_error', 'policy_unavailable'],
    ['sandbox_error', 'engine_failed'],
  ] as const)('have no score for %s, and say why', async (end, reason) => {
    const { run, finished } = attempts({
      play: async () => ({ end, patch: null, detail: 'as scripted' }),
      grade: () => Promise.reject(new Error('there is nothing to grade')),
    });
    const verdict = await run(job(1));
    expect(verdict).toMatchObject({ outcome: 'infra_error', reason, attempt: 1 });
    expect(finished).toEqual([verdict]);
  });

  test('stop a group once enough are resolved by the strict verdict, those of earlier runs included', async () => {
    const stopped: number[] = [];
    const resolved = { outcome: 'resolved' } as const;
    const { run } = attempts({
      stopGroup: 2,
      before: [verdictOf(job(1), resolved)],
      async play(sample, stop) {
        if (stop.aborted) stopped.push(sample);
        return stop.aborted ? { end: 'stopped_early', patch: null } : {};
      },
      grade: async (of) =>
        verdictOf(
          of,
          of.prediction.attempt === 2
            ? { ...resolved, strict: { resolved: false } as Verdict['strict'] }
            : resolved,
        ),
    });
    const verdicts: (Verdict | undefined)[] = [];
    for (const sample of [2, 3, 4]) verdicts.push(await run(job(sample)));
    expect(stopped).toEqual([4]);
    expect(verdicts.map((verdict) => verdict?.outcome)).toEqual(['resolved', 'resolved', undefined]);
  });

  test('without a grader have no verdict', async () => {
    const { run, finished } = attempts({ play: async () => ({}) });
    expect(await run(job(1))).toBeUndefined();
    expect(finished).toEqual([]);
  });
});
