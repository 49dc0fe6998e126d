import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RunResults, Verdict } from '../../src/index.js';
import { compareRuns, regressions } from '../../src/stats/compare.js';
import { seededRandom } from '../../src/util/random.js';
import { CLEAN, instance, PULL_LIMITED, runResults, TAMPERED, verdict } from '../reports/run-results.js';

type Settings = Partial<RunResults['manifest']['settings']>;

/** Each string is an instance of `repo__repo-n`: `1` or `0` for each attempt, `x` for an infrastructure error, `-` for no verdict. */
function run(outcomes: readonly string[], settings: Settings = {}, rowHash?: string): RunResults {
  const name = (at: number) => `${at % 3 === 0 ? 'a__a' : 'b__b'}-${at}`;
  return runResults(
    outcomes.map((attempts, at) =>
      instance(name(at), { attempts: attempts.length, ...(rowHash === undefined ? {} : { rowHash }) }),
    ),
    outcomes.flatMap((attempts, at) =>
      [...attempts].flatMap((sign, index): Verdict[] => {
        const attempt = index + 1;
        if (sign === '-') return [];
        if (sign === 'x') return [verdict(name(at), { ...PULL_LIMITED, attempt })];
        return [verdict(name(at), { attempt, outcome: sign === '1' ? 'resolved' : 'unresolved' })];
      }),
    ),
    settings,
  );
}

function compare(runs: readonly RunResults[], flags: { strict?: boolean; intersect?: boolean } = {}) {
  return compareRuns({
    runs: runs.map((results, index) => ({ label: 'ABCD'[index] ?? '', results })),
    strict: flags.strict ?? false,
    intersect: flags.intersect ?? false,
    random: seededRandom,
  });
}

const refusal = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return error as { code: string; message: string; detail: string };
  }
  throw new Error('it was not refused');
};

describe('compareRuns', () => {
  test('counts by instance what either run resolved, and names wins and losses', () => {
    const { pairs, runs } = compare([run(['1', '1', '0', '0', '0']), run(['1', '0', '1', '1', '0'])]);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({
      table: { both: 1, onlyA: 1, onlyB: 2, neither: 1 },
      wins: ['b__b-2', 'a__a-3'],
      losses: ['b__b-1'],
      test: { name: 'mcnemar', method: 'exact', p: expect.closeTo(1) },
      adjustedP: expect.closeTo(1),
    });
    expect(pairs[0]?.difference).toBeCloseTo(0.2, 12);
    expect(pairs[0]?.byRepository).toEqual([
      { repo: 'b/b', instances: 3, a: 1, b: 1, wins: 1, losses: 1 },
      { repo: 'a/a', instances: 2, a: 1, b: 2, wins: 1, losses: 0 },
    ]);
    expect(runs.map(({ passAt1 }) => passAt1.rate)).toEqual([0.4, 0.6]);
  });

  test('with several attempts compares shares by the permutation test', () => {
    const { pairs } = compare([run(['1100', '0000', '1111']), run(['1110', '1000', '1111'])]);
    expect(pairs[0]).toMatchObject({
      table: null,
      wins: ['a__a-0', 'b__b-1'],
      losses: [],
      test: { name: 'sign-flip', method: 'exact', p: 0.5 },
    });
    expect(pairs[0]?.difference).toBeCloseTo(1 / 6, 12);
  });

  test('counts what the machine failed as not resolved, and says so of each instance', () => {
    const { incomplete, runs, pairs } = compare([run(['1', 'x', '0', '1']), run(['1', '1', '-', '1'])]);
    expect(incomplete).toEqual(['b__b-1', 'b__b-2']);
    expect(runs.map(({ infra, missing }) => ({ infra, missing }))).toEqual([
      { infra: ['b__b-1'], missing: [] },
      { infra: [], missing: ['b__b-2'] },
    ]);
    expect(pairs[0]?.table).toEqual({ both: 2, onlyA: 0, onlyB: 1, neither: 1 });
  });

  test('compares every two of several runs, and adjusts their p-values', () => {
    const [none, all] = [Array<string>(12).fill('0'), Array<string>(12).fill('1')];
    const { pairs } = compare([run(none), run(all), run(none)]);
    expect(pairs.map(({ a, b, difference }) => [a, b, difference])).toEqual([
      [0, 1, 1],
      [0, 2, 0],
      [1, 2, -1],
    ]);
    const p = 2 ** -11;
    expect(pairs.map(({ test: { p: raw } }) => raw)).toEqual([expect.closeTo(p), 1, expect.closeTo(p)]);
    expect(pairs.map(({ adjustedP }) => adjustedP)).toEqual([
      expect.closeTo(3 * p),
      1,
      expect.closeTo(3 * p),
    ]);
  });

  test('gives the mirror image for swapped runs', () => {
    const outcome = fc.constantFrom('0', '1');
    const pairs = fc.array(fc.tuple(outcome, outcome), { minLength: 4, maxLength: 15 });
    fc.assert(
      fc.property(pairs, (list) => {
        const [a, b] = [run(list.map(([of]) => of)), run(list.map(([, of]) => of))];
        const [one] = compare([a, b]).pairs;
        const [other] = compare([b, a]).pairs;
        expect(other?.difference).toBeCloseTo(-(one?.difference ?? 0), 12);
        expect([other?.wins, other?.losses]).toEqual([one?.losses, one?.wins]);
        expect(other?.test).toEqual(one?.test);
        expect(other?.smallestDetectable).toBe(one?.smallestDetectable);
        expect(other?.interval.byInstance?.low).toBeCloseTo(-(one?.interval.byInstance?.high ?? 0), 9);
        expect(other?.standardError).toEqual({
          byRepository: expect.closeTo(one?.standardError.byRepository ?? 0, 9),
          byInstance: expect.closeTo(one?.standardError.byInstance ?? 0, 9),
        });
      }),
      { numRuns: 5 },
    );
  });
});

describe('runs that answer different questions', () => {
  test('are refused with all that differs', () => {
    const other = { datasetRevision: 'd9', datasetSha256: 'd6', profile: 'v4.1' as const };
    const { code, detail } = refusal(() => compare([run(['1', '0']), run(['1', '0', '1'], other)]));
    expect(code).toBe('runs_differ');
    expect(detail.split('\n')).toEqual([
      '  grading profile: v5 in A, v4.1 in B',
      '  dataset revision: c104f84 in A, d9 in B',
      '  dataset sha256: d5 in A, d6 in B',
      '  instances: A lacks 1 (b__b-2)',
    ]);
  });

  test('are compared over the instances with equal rows where that is asked for', () => {
    const other = run(['1', '1', '1'], { datasetSha256: 'd6' });
    const changed = {
      ...other,
      instances: other.instances.map((one, at) => (at === 1 ? { ...one, rowHash: 'new' } : one)),
    };
    const found = compare([run(['0', '0', '0', '0']), changed], { intersect: true });
    expect(found.instances.map(({ instanceId }) => instanceId)).toEqual(['a__a-0', 'b__b-2']);
    expect(found.leftOut).toEqual(['b__b-1', 'a__a-3']);
    expect(found.pairs[0]?.difference).toBe(1);
  });

  test('stay refused under different profiles, or with no row in common', () => {
    const intersect = { intersect: true };
    expect(refusal(() => compare([run(['1']), run(['1'], { profile: 'v4.1' })], intersect)).detail).toContain(
      'grading profile',
    );
    expect(refusal(() => compare([run(['1']), run(['1'], {}, 'new')], intersect)).detail).toContain(
      'no instance is in all runs with the same row',
    );
  });

  test('are warned of where only their conditions differ', () => {
    const b = run(['1', '11'], { engine: 'local', graderVersion: '2', timeoutSeconds: 60 });
    const moved = { ...b, verdicts: b.verdicts.map((one) => ({ ...one, imageDigest: 'sha256:new' })) };
    expect(compare([run(['1', '0']), moved]).warnings).toEqual([
      'engine: docker in A, local in B',
      'grader version: 1 in A, 2 in B',
      'test time limit, s: 1800 in A, 60 in B',
      'attempts per instance: up to 1 in A, up to 2 in B',
      'image digests: other ones for 2 (a__a-0, b__b-1)',
    ]);
  });
});

describe('strict verdicts', () => {
  const two = [instance('a__a-1'), instance('a__a-2')];
  const clean = runResults(two, [verdict('a__a-1', CLEAN), verdict('a__a-2', CLEAN)]);
  const tampered = runResults(two, [verdict('a__a-1', CLEAN), verdict('a__a-2', TAMPERED)]);

  test('are compared in place of the official ones', () => {
    expect(compare([clean, tampered]).pairs[0]?.losses).toEqual([]);
    expect(compare([clean, tampered], { strict: true }).pairs[0]?.losses).toEqual(['a__a-2']);
  });

  test('are refused where a resolved attempt has none', () => {
    const { code, detail } = refusal(() => compare([clean, run(['1', '0'])], { strict: true }));
    expect([code, detail]).toEqual([
      'runs_differ',
      expect.stringContaining('B lacks those of 1 resolved attempts'),
    ]);
  });
});

test('a regression is a difference below 0 from the first run whose adjusted p is below alpha', () => {
  const [none, all] = [Array<string>(9).fill('0'), Array<string>(9).fill('1')];
  const worse = compare([run(all), run(none), run(all)]);
  expect(regressions(worse, 0.05).map(({ a, b }) => [a, b])).toEqual([[0, 1]]);
  expect(regressions(worse, 0.001)).toEqual([]);
  expect(regressions(compare([run(none), run(all), run(none)]), 0.05)).toEqual([]);
});
