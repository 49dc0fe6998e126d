import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Verdict } from '../../src/index.js';
import { byInstance } from '../../src/stats/instances.js';
import { summarise } from '../../src/stats/summary.js';
import {
  CLEAN,
  EMPTY_PATCH,
  instance,
  MIXED,
  PULL_LIMITED,
  runResults,
  TAMPERED,
  verdict,
} from '../reports/run-results.js';

const UNRESOLVED = { outcome: 'unresolved' } as const;

describe('Pass@1', () => {
  test('counts every chosen instance, and without infrastructure errors drops those left with no attempt', () => {
    const { passAt1, passAt1WithoutInfra, outcomes, attempts } = summarise(MIXED);
    expect(passAt1).toMatchObject({ instances: 9, score: 1 });
    // Neither sympy-3 (infra_error) nor flask-1 (not judged yet), but still sympy-5, which has no prediction.
    expect(passAt1WithoutInfra).toMatchObject({ instances: 7, score: 1 });
    expect(outcomes).toEqual({ resolved: 1, unresolved: 3, invalid: 2, infra_error: 1 });
    expect(attempts).toEqual({ planned: 8, judged: 7 });
  });

  test('of an instance with several attempts is the share that resolved it', () => {
    const summary = summarise(
      runResults(
        [instance('a__a-1', { attempts: 4 }), instance('b__b-1')],
        [
          verdict('a__a-1', { attempt: 1 }),
          verdict('a__a-1', { attempt: 2, ...UNRESOLVED }),
          verdict('a__a-1', { attempt: 3, ...UNRESOLVED }),
          verdict('a__a-1', { attempt: 4, ...PULL_LIMITED }),
          verdict('b__b-1'),
        ],
      ),
    );
    expect(summary.passAt1.score).toBe(1.25);
    expect(summary.passAt1WithoutInfra.score).toBeCloseTo(4 / 3, 12);
  });

  test('is null for a run without instances', () => {
    expect(summarise(runResults([], [])).passAt1).toMatchObject({ instances: 0, rate: null, interval: null });
  });
});

describe('incomplete', () => {
  test('names attempts without a verdict and infrastructure errors with the way out', () => {
    const { incomplete, missing, infraFailures, withoutPrediction } = summarise(MIXED);
    expect(incomplete).toBe(true);
    expect(missing).toEqual([{ instanceId: 'flask__flask-1', attempt: 1 }]);
    expect(infraFailures).toMatchObject([
      { instanceId: 'sympy__sympy-3', reason: 'image_pull_limited', fix: expect.stringContaining('retry') },
    ]);
    expect(withoutPrediction).toEqual(['sympy__sympy-5']);
  });

  test('is false when only predictions are missing', () => {
    const results = runResults(
      [instance('a__a-1'), instance('a__a-2', { attempts: 0 })],
      [verdict('a__a-1')],
    );
    expect(summarise(results).incomplete).toBe(false);
  });

  test('sees a gap in the numbers of attempts even where the plan is unknown', () => {
    const results = runResults(
      [instance('a__a-1', { attempts: undefined })],
      [verdict('a__a-1', { attempt: 2 })],
    );
    expect(summarise(results).missing).toEqual([{ instanceId: 'a__a-1', attempt: 1 }]);
  });
});

describe('repeats', () => {
  /** Two instances, three runs: run 1 resolves both, run 2 the first, run 3 none. */
  const repeated = runResults(
    [instance('a__a-1', { attempts: 3 }), instance('b__b-1', { attempts: 3 })],
    [
      verdict('a__a-1', { attempt: 1 }),
      verdict('a__a-1', { attempt: 2 }),
      verdict('a__a-1', { attempt: 3, ...UNRESOLVED }),
      verdict('b__b-1', { attempt: 1 }),
      verdict('b__b-1', { attempt: 2, ...UNRESOLVED }),
      verdict('b__b-1', { attempt: 3, ...EMPTY_PATCH }),
    ],
  );

  test('run i is attempt i of every instance, with the standard error of the mean over runs', () => {
    const { runs, passAt1 } = summarise(repeated);
    expect(runs?.rates).toEqual([1, 0.5, 0]);
    expect(runs?.mean).toBe(passAt1.rate);
    // Sample standard deviation 0.5 over sqrt(3).
    expect(runs?.sem).toBeCloseTo(0.5 / Math.sqrt(3), 12);
  });

  test('pass@k averages the unbiased estimate over all chosen instances', () => {
    const { passAtK } = summarise(repeated);
    expect(passAtK.map(({ k }) => k)).toEqual([1, 2, 3]);
    expect(passAtK[0]?.value).toBeCloseTo(0.5, 12);
    // First instance: any pair holds a right one; second: 2 of 3 pairs do.
    expect(passAtK[1]?.value).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(passAtK[2]?.value).toBe(1);
  });

  test('an instance without a prediction lowers pass@k, but not the largest k', () => {
    const { passAtK, runs } = summarise({
      ...repeated,
      instances: [...repeated.instances, instance('c__c-1', { attempts: 0 })],
    });
    expect(passAtK.at(-1)).toEqual({ k: 3, value: expect.closeTo(2 / 3, 12) });
    expect(runs?.rates[0]).toBeCloseTo(2 / 3, 12);
  });

  test('have no SEM where instances differ in their number of attempts', () => {
    const { runs, passAtK } = summarise({
      ...repeated,
      instances: [instance('a__a-1', { attempts: 4 }), instance('b__b-1', { attempts: 3 })],
    });
    expect(runs).toBeNull();
    expect(passAtK).toHaveLength(3);
  });
});

test('groups add up to the whole, largest first', () => {
  const { byRepository, byDifficulty } = summarise(MIXED);
  expect(byRepository.map(({ name, score, instances }) => [name, score, instances])).toEqual([
    ['sympy/sympy', 0, 5],
    ['django/django', 1, 3],
    ['flask/flask', 0, 1],
  ]);
  expect(byDifficulty.map(({ name, instances }) => [name, instances])).toEqual([
    ['1-4 hours', 5],
    ['<15 min fix', 4],
  ]);
});

test('a verdict of an instance that was not chosen, or two of one attempt, is an error and not a number', () => {
  const chosen = [instance('a__a-1')];
  expect(() => byInstance(runResults(chosen, [verdict('b__b-1')]))).toThrow(/b__b-1.*not among those chosen/);
  expect(() => byInstance(runResults(chosen, [verdict('a__a-1'), verdict('a__a-1')]))).toThrow(/found twice/);
});

test('any mix of outcomes gives rates in [0, 1] that agree with each other', () => {
  const outcome = fc.constantFrom<Verdict['outcome']>('resolved', 'unresolved', 'invalid', 'infra_error');
  const items = fc.array(fc.array(fc.option(outcome), { maxLength: 4 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(items, (list) => {
      const results = runResults(
        list.map((attempts, index) => instance(`r${index % 3}__r-${index}`, { attempts: attempts.length })),
        list.flatMap((attempts, index) =>
          attempts.flatMap((value, at) =>
            value === null
              ? []
              : [verdict(`r${index % 3}__r-${index}`, { attempt: at + 1, outcome: value, reason: 'x' })],
          ),
        ),
      );
      const summary = summarise(results);
      const sum = (groups: typeof summary.byRepository) =>
        groups.reduce((total, { score }) => total + score, 0);
      expect(sum(summary.byRepository)).toBeCloseTo(summary.passAt1.score, 10);
      expect(summary.passAt1.rate).toBeGreaterThanOrEqual(0);
      expect(summary.passAt1.rate).toBeLessThanOrEqual(1);
      expect(summary.passAt1WithoutInfra.score).toBeGreaterThanOrEqual(summary.passAt1.score - 1e-9);
      expect(summary.incomplete).toBe(
        list.some((attempts) => attempts.some((a) => a === null || a === 'infra_error')),
      );
      if (summary.passAtK[0] !== undefined)
        expect(summary.passAtK[0].value).toBeCloseTo(summary.passAt1.rate ?? Number.NaN, 10);
      if (summary.runs !== null)
        expect(summary.runs.mean).toBeCloseTo(summary.passAt1.rate ?? Number.NaN, 10);
    }),
  );
});

describe('the strict rate', () => {
  const of = (...verdicts: Verdict[]) =>
    summarise(
      runResults(
        verdicts.map(({ instanceId }) => instance(instanceId)),
        verdicts,
      ),
    ).strict;

  test('counts what both verdicts resolve, and lists what only the official one does', () => {
    const strict = of(
      verdict('a__a-1', CLEAN),
      verdict('a__a-2', TAMPERED),
      verdict('a__a-3', {
        ...UNRESOLVED,
        strict: { ...CLEAN.strict, resolved: false, reason: 'tests_failed' },
      }),
      verdict('a__a-4', EMPTY_PATCH),
    );
    expect(strict?.passAt1).toMatchObject({ instances: 4, score: 1 });
    expect(strict?.differing).toEqual([
      { instanceId: 'a__a-2', attempt: 1, reason: 'tampered', detail: TAMPERED.strict.detail },
    ]);
  });

  test('is null where a resolved attempt has no strict verdict, or none was asked for', () => {
    expect(of(verdict('a__a-1', CLEAN), verdict('a__a-2'))).toBeNull();
    expect(of(verdict('a__a-1', UNRESOLVED))).toBeNull();
  });
});
