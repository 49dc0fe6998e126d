import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { binomialError, wilsonInterval } from '../../src/stats/proportion.js';

describe('wilsonInterval', () => {
  // Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('gives the published limits for %d of %d', (successes, total, low, high) => {
    const interval = wilsonInterval(successes, total);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test('knows nothing of nothing', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
  });

  const counts = fc
    .integer({ min: 1, max: 100_000 })
    .chain((total) => fc.tuple(fc.integer({ min: 0, max: total }), fc.constant(total)));

  test('lies inside [0, 1] and holds the rate itself', () => {
    fc.assert(
      fc.property(counts, ([successes, total]) => {
        const { low, high } = wilsonInterval(successes, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(successes / total);
        expect(high).toBeGreaterThanOrEqual(successes / total);
      }),
    );
  });

  test('is the mirror image for failures', () => {
    fc.assert(
      fc.property(counts, ([successes, total]) => {
        const { low, high } = wilsonInterval(successes, total);
        const mirror = wilsonInterval(total - successes, total);
        expect(mirror.low).toBeCloseTo(1 - high, 10);
        expect(mirror.high).toBeCloseTo(1 - low, 10);
      }),
    );
  });

  test('both ends solve the score equation |p - x| = z sqrt(x (1 - x) / n)', () => {
    fc.assert(
      fc.property(counts, ([successes, total]) => {
        const p = successes / total;
        const { low, high } = wilsonInterval(successes, total);
        for (const x of [low, high]) {
          if (x > 0 && x < 1)
            expect(Math.abs(p - x)).toBeCloseTo(1.959963984540054 * Math.sqrt((x * (1 - x)) / total), 8);
        }
      }),
    );
  });
});

test('the binomial error of 75 % of 500 is 1.9 points', () => {
  expect(binomialError(375, 500)).toBeCloseTo(0.01936, 5);
});
