import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { passAtK } from '../../src/stats/pass-at-k.js';

/** Share of all subsets of size k of n attempts, the first c of them right, that hold a right one. */
function enumerate(n: number, c: number, k: number): number {
  let subsets = 0;
  let hits = 0;
  for (let mask = 0; mask < 1 << n; mask++) {
    const members = Array.from({ length: n }, (_, index) => index).filter((index) => mask & (1 << index));
    if (members.length !== k) continue;
    subsets++;
    if (members.some((index) => index < c)) hits++;
  }
  return hits / subsets;
}

describe('passAtK', () => {
  test('equals enumeration of all subsets for up to eight attempts', () => {
    for (let n = 1; n <= 8; n++)
      for (let c = 0; c <= n; c++)
        for (let k = 1; k <= n; k++) expect(passAtK({ n, c, k })).toBeCloseTo(enumerate(n, c, k), 12);
  });

  test.each([
    [10, 3, 1, 0.3],
    [10, 3, 5, 0.916667],
    [10, 3, 10, 1],
    [200, 1, 100, 0.5],
  ])('of %d attempts with %d right, k = %d is %d', (n, c, k, value) => {
    expect(passAtK({ n, c, k })).toBeCloseTo(value, 6);
  });

  test('stays in [0, 1] and never falls with k or c, for counts whose binomials overflow', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5000 }).chain((n) =>
          fc.record({
            n: fc.constant(n),
            c: fc.integer({ min: 0, max: n - 1 }),
            k: fc.integer({ min: 1, max: n - 1 }),
          }),
        ),
        ({ n, c, k }) => {
          const value = passAtK({ n, c, k });
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          expect(passAtK({ n, c, k: k + 1 })).toBeGreaterThanOrEqual(value);
          expect(passAtK({ n, c: c + 1, k })).toBeGreaterThanOrEqual(value);
        },
      ),
    );
  });

  test('is not a number with fewer than k attempts', () => {
    expect(passAtK({ n: 3, c: 1, k: 4 })).toBeNaN();
  });
});
