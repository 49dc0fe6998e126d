import { describe, expect, it } from '@jest/globals';
import { learningRate } from '../../plugins/trainer/schedule.js';
import { seedOf } from '../../plugins/trainer/seed.js';

describe('the learning rate', () => {
  const rft = { peak: 5e-6, warmupSteps: 10, decay: 'cosine' } as const;
  it.each([
    [0, 5e-7],
    [4, 2.5e-6],
    [9, 5e-6],
    [10, 5e-6],
    // A quarter, a half and three quarters of the other 40 steps: (1 + cos) / 2 = 0.853553, 0.5, 0.146447
    [20, 4.267767e-6],
    [30, 2.5e-6],
    [40, 7.32233e-7],
    // (1 + cos(39/40 pi)) / 2 = 0.00154133
    [49, 7.706665e-9],
    [50, 0],
  ])('of step %d of 50 with 10 of warm-up and a cosine is %d', (step, expected) => {
    expect(learningRate(step, 50, rft)).toBeCloseTo(expected, 12);
  });

  it('is constant after the warm-up, or at once', () => {
    const constant = { peak: 1e-6, warmupSteps: 2, decay: 'constant' } as const;
    const rates = [0, 1, 2, 3, 1000].map((step) => learningRate(step, 5, constant));
    expect(rates).toEqual([5e-7, 1e-6, 1e-6, 1e-6, 1e-6]);
    expect(learningRate(0, 5, { ...constant, warmupSteps: 0 })).toBe(1e-6);
  });

  it('is that of the warm-up where a run is shorter than it', () => {
    expect(learningRate(2, 3, rft)).toBeCloseTo(1.5e-6, 15);
  });
});

it('seeds of different uses differ, those of the same are the same', () => {
  expect(seedOf(1, 'problems', 0)).toBe(seedOf(1, 'problems', 0));
  const seeds = [
    seedOf(1, 'problems', 0),
    seedOf(1, 'problems', 1),
    seedOf(2, 'problems', 0),
    seedOf(1, 'batches', 0),
  ];
  expect(new Set(seeds).size).toBe(4);
  for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
});
