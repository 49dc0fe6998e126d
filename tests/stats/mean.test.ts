import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clusteredError, mean, standardError } from '../../src/stats/mean.js';

const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 });

describe('standardError', () => {
  test('is the standard deviation over the root of the count', () => {
    // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, so sqrt(32 / (8 x 7)).
    expect(standardError([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(0.755929, 6);
  });

  test('is undefined for fewer than two values', () => {
    expect(standardError([])).toBeUndefined();
    expect(standardError([1])).toBeUndefined();
  });
});

describe('clusteredError', () => {
  test('equals the plain standard error when each value is a cluster of its own', () => {
    fc.assert(
      fc.property(values, (list) => {
        expect(clusteredError(list, String)).toBeCloseTo(standardError(list) as number, 10);
      }),
    );
  });

  test('of m copies of each value equals the standard error of the single values', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 5 }), (list, copies) => {
        const repeated = list.flatMap((value) => Array<number>(copies).fill(value));
        const error = clusteredError(repeated, (index) => String(Math.floor(index / copies)));
        expect(error).toBeCloseTo(standardError(list) as number, 10);
      }),
    );
  });

  test('agrees with a sandwich computed by hand', () => {
    // Mean 0.5; sums of deviations a: 1.0, b: -0.5, c: -0.5; sqrt(3/2 x 1.5) / 6.
    const clusters = ['a', 'a', 'b', 'c', 'b', 'b'];
    const list = [1, 1, 0, 0, 1, 0];
    expect(mean(list)).toBe(0.5);
    expect(clusteredError(list, (index) => clusters[index] as string)).toBeCloseTo(1.5 / 6, 12);
  });

  test('is undefined with one cluster', () => {
    expect(clusteredError([0, 1], () => 'same')).toBeUndefined();
  });
});
