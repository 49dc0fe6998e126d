import { describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import type { Verdict } from '../../src/index.js';
import { failureFrom, REWARDS, type RewardInputs, rewardOf } from '../../src/reward/rewards.js';
import { verdict } from '../reports/run-results.js';

const reward = (name: string, found: Verdict, inputs: Partial<RewardInputs> = {}) => {
  const rule = REWARDS.get(name);
  if (rule === undefined) throw new Error(`no reward ${name}`);
  const given = { strict: true, ...inputs };
  rule.check?.(given);
  return rewardOf(found, rule.value, given).reward;
};
const lists = (passed: number, failed: number, broken: number) => ({
  FAIL_TO_PASS: { success: Array(passed).fill('t'), failure: Array(failed).fill('t') },
  PASS_TO_PASS: { success: ['p'], failure: Array(broken).fill('p') },
});
const strict = (resolved: boolean, reason = 'tests_passed') => ({
  resolved,
  reason,
  guarded: [],
  reaches: [],
});
const resolved = verdict('a', { outcome: 'resolved', strict: strict(true), tests: lists(4, 0, 0) });
const tampered = verdict('a', {
  outcome: 'resolved',
  strict: strict(false, 'tampered'),
  tests: lists(4, 0, 0),
});
const unresolved = verdict('a', {
  outcome: 'unresolved',
  strict: strict(false, 'tests_failed'),
  tests: lists(3, 1, 0),
});
const breaking = verdict('a', { outcome: 'unresolved', strict: strict(false), tests: lists(4, 0, 1) });
const invalid = verdict('a', { outcome: 'invalid', reason: 'apply_failed' });
const broken = verdict('a', { outcome: 'infra_error', reason: 'engine_failed', phase: 'test', tries: 3 });

describe('rewards', () => {
  test.each([
    ['resolved', [1, 0, 0, 0, 0]],
    ['signed', [1, -1, -1, -1, -1]],
    ['fraction', [1, 0, 0.75, 0, 0]],
  ])(
    '%s of a right patch, a cheat, a wrong one, one that breaks others, and an invalid one',
    (name, expected) => {
      expect([resolved, tampered, unresolved, breaking, invalid].map((one) => reward(name, one))).toEqual(
        expected,
      );
    },
  );

  test('go by the official verdict where the strict one is not asked for', () => {
    const official = { ...tampered, strict: undefined };
    expect(
      ['resolved', 'signed', 'fraction'].map((name) => reward(name, official, { strict: false })),
    ).toEqual([1, 1, 1]);
  });

  test.each([
    // L_thr = 10 of both stages: the slope is 1/30 for T_max = 40 and 1/70 for 80.
    [9, 40, 1, 0],
    [10, 40, 1, 0],
    [25, 40, 0.5, -0.5],
    [40, 40, 0, -1],
    [80, 80, 0, -1],
    [45, 80, 0.5, -0.5],
  ])('turn_penalty takes a share for %i of %i turns', (turns, maxTurns, solved, failed) => {
    expect(reward('turn_penalty', resolved, { turns, maxTurns })).toBeCloseTo(solved, 12);
    expect(reward('turn_penalty', unresolved, { turns, maxTurns })).toBeCloseTo(failed, 12);
  });

  test('turn_penalty takes another threshold, and refuses what it cannot use before anything is graded', () => {
    expect(reward('turn_penalty', resolved, { turns: 15, maxTurns: 20, turnThreshold: 10 })).toBeCloseTo(
      0.5,
      12,
    );
    for (const inputs of [{}, { turns: 5 }, { turns: 41, maxTurns: 40 }, { turns: 5, maxTurns: 10 }])
      expect(() => reward('turn_penalty', resolved, inputs)).toThrow(/turn/);
  });

  test.each([...REWARDS.keys()])('%s is null, and never 0, where the machine failed', (name) => {
    expect(
      rewardOf(broken, REWARDS.get(name)?.value ?? (() => 0), { strict: true, turns: 5, maxTurns: 40 }),
    ).toEqual({
      status: 'unscorable',
      reward: null,
      failure: {
        class: 'infra',
        code: 'engine_failed',
        phase: 'test',
        message: expect.any(String),
        retryable: true,
        attempts: 3,
      },
    });
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
    ],
    ['gives no number', () => Number.NaN],
    ['gives no finite number', () => Number.POSITIVE_INFINITY],
  ])('a function of the user that %s makes no reward', (_, own) => {
    expect(rewardOf(resolved, own, { strict: true })).toMatchObject({
      status: 'unscorable',
      reward: null,
      failure: {
        class: 'ours',
        retryable: false,
        message: expect.stringContaining('the reward function failed'),
      },
    });
  });

  test('what kept a grading from any verdict says whether to ask again', () => {
    expect(failureFrom(new AssayError('draining', 'it stops'))).toMatchObject({
      class: 'infra',
      retryable: true,
    });
    expect(failureFrom(new AssayError('internal', 'a defect'))).toMatchObject({
      class: 'ours',
      retryable: false,
    });
  });
});
