import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ADVANTAGES, advantagesOf } from '../../plugins/dapo/advantage.js';
import { finalReward } from '../../plugins/dapo/penalty.js';

const binary = (...outcomes: number[]) => outcomes.map((outcome) => ({ outcome, reward: outcome }));

describe('R + R_len', () => {
  const stage1 = { threshold: 10, maxTurns: 40 };
  const stage2 = { threshold: 10, maxTurns: 80 };
  it.each([
    [1, stage1, 0],
    [9, stage1, 0],
    [10, stage1, 0],
    [11, stage1, -1 / 30],
    [25, stage1, -0.5],
    [40, stage1, -1],
    [1, stage2, 0],
    [9, stage2, 0],
    [10, stage2, 0],
    [11, stage2, -1 / 70],
    [45, stage2, -0.5],
    [80, stage2, -1],
  ])('is R less the penalty of %d turns under %p: %d', (turns, penalty, expected) => {
    expect(finalReward(0, turns, penalty)).toBeCloseTo(expected, 12);
    expect(finalReward(1, turns, penalty)).toBeCloseTo(1 + expected, 12);
  });

  it('is R where there is no penalty', () => {
    expect(finalReward(1, 40, null)).toBe(1);
    expect(finalReward(0, 40, null)).toBe(0);
  });
});

describe('advantages', () => {
  it.each([
    // mean 1/4; squares 9/16 + 3 x 1/16 = 3/4; sample std = sqrt(3/4 / 3) = 1/2
    ['grpo', [1.5, -0.5, -0.5, -0.5]],
    ['dr_grpo', [0.75, -0.25, -0.25, -0.25]],
    // 1 - 0; 0 - 1/3
    ['rloo', [1, -1 / 3, -1 / 3, -1 / 3]],
    // 0.75 / 0.25; -0.25 / 0.25
    ['max_rl', [3, -1, -1, -1]],
  ] as const)('%s of one solved in four are as computed by hand', (kind, expected) => {
    const found = advantagesOf(binary(1, 0, 0, 0), kind, 0) ?? [];
    expect(found).toHaveLength(4);
    for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 12);
  });

  it('of one solved in two show the standard deviation of a sample: sqrt(1/2)', () => {
    const [first, second] = advantagesOf(binary(1, 0), 'grpo', 0) ?? [];
    expect(first).toBeCloseTo(Math.SQRT1_2, 12);
    expect(second).toBeCloseTo(-Math.SQRT1_2, 12);
  });

  it('of ten episodes with the penalty are as computed by hand', () => {
    // Rewards 1, 0.5, -0.5, -1: mean 0, squares 2.5, sample std sqrt(2.5 / 3) = 0.912871
    const group = [1, 0.5, -0.5, -1].map((reward) => ({ outcome: reward > 0 ? 1 : 0, reward }));
    const found = advantagesOf(group, 'grpo', 0) ?? [];
    for (const [index, value] of [1.095445, 0.547723, -0.547723, -1.095445].entries())
      expect(found[index]).toBeCloseTo(value, 6);
    // The share of outcomes divides, not the mean reward, which is 0 here.
    expect(advantagesOf(group, 'max_rl', 0)).toEqual([2, 1, -1, -2]);
  });

  it('delta goes to the standard deviation', () => {
    expect(advantagesOf(binary(1, 0, 0, 0), 'grpo', 0.5)?.[0]).toBeCloseTo(0.75, 12);
  });

  it.each(ADVANTAGES)('%s of fewer than two are none', (kind) => {
    expect(advantagesOf([], kind, 1e-6)).toBeUndefined();
    expect(advantagesOf(binary(1), kind, 1e-6)).toBeUndefined();
  });

  it.each(ADVANTAGES)('%s of equal rewards are 0', (kind) => {
    for (const outcome of [0, 1])
      for (const value of advantagesOf(binary(outcome, outcome, outcome), kind, 1e-6) ?? [Number.NaN])
        expect(value).toBeCloseTo(0, 12);
  });

  const groups = fc.array(
    fc.record({
      outcome: fc.constantFrom(0, 1),
      reward: fc.double({ min: -1, max: 1, noNaN: true }),
    }),
    { minLength: 2, maxLength: 16 },
  );

  it.each(ADVANTAGES)('%s are finite, sum to nearly 0, and have the order of the rewards', (kind) => {
    fc.assert(
      fc.property(groups, (group) => {
        const found = advantagesOf(group, kind, 1e-6) ?? [];
        expect(found.every(Number.isFinite)).toBe(true);
        const largest = Math.max(1, ...found.map(Math.abs));
        expect(Math.abs(found.reduce((sum, value) => sum + value, 0)) / largest).toBeLessThan(1e-9);
        for (const [i, a] of group.entries())
          for (const [j, b] of group.entries())
            if (a.reward > b.reward) expect(found[i] ?? 0).toBeGreaterThanOrEqual(found[j] ?? 0);
      }),
    );
  });

  it.each(ADVANTAGES)('%s go with their episodes, in whatever order these come', (kind) => {
    fc.assert(
      fc.property(groups, (group) => {
        const found = advantagesOf(group, kind, 1e-6) ?? [];
        const reversed = advantagesOf(group.toReversed(), kind, 1e-6)?.toReversed() ?? [];
        for (const [index, value] of found.entries()) expect(reversed[index]).toBeCloseTo(value, 6);
      }),
    );
  });
});
