import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exactMcNemar } from '../../src/stats/mcnemar.js';
import { signFlipTest } from '../../src/stats/sign-flip.js';

describe('exactMcNemar', () => {
  // SciPy 1.17.1: binomtest(min(b, c), b + c, 0.5).pvalue; statsmodels 0.15.0: mcnemar([[1, b], [c, 1]], exact=True).pvalue is the same.
  // 2 and 9: printed as 0.06543 in Fay (2010), The R Journal 2, 53-58. 86 and 150: ratings of a prime minister in Agresti (2002),
  // Categorical Data Analysis, table 10.1.
  test.each([
    [1, 0, 1],
    [5, 0, 0.0625],
    [2, 9, 0.0654296875],
    [12, 3, 0.03515625],
    [10, 10, 1],
    [16, 54, 5.85395552938811e-6],
    [86, 150, 3.7159361395713866e-5],
    [30, 60, 0.0020602656809630745],
    [700, 800, 0.010559255466711506],
    [20_000, 20_500, 0.013153825113144245],
    [0, 1000, 1.8665272370064378e-301],
  ])('of %d against %d is what SciPy gives', (b, c, p) => {
    expect(exactMcNemar(b, c) / p).toBeCloseTo(1, 9);
  });

  test('is 1 when no pair differs', () => {
    expect(exactMcNemar(0, 0)).toBe(1);
  });

  const counts = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }));

  test('does not ask which run is named first', () => {
    fc.assert(fc.property(counts, ([b, c]) => exactMcNemar(b, c) === exactMcNemar(c, b)));
  });

  test('is the permutation test of differences of 1', () => {
    fc.assert(
      fc.property(counts, ([b, c]) => {
        const differences = [...Array<number>(b).fill(-1), ...Array<number>(c).fill(1), 0];
        const { p, method } = signFlipTest({ differences, random: () => 0 });
        expect(method).toBe('exact');
        expect(p).toBeCloseTo(exactMcNemar(b, c), 10);
      }),
    );
  });
});
