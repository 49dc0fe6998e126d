import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { holm } from '../../src/stats/holm.js';

describe('holm', () => {
  // statsmodels 0.15.0: multipletests(ps, method='holm')[1]; the first is also R's p.adjust(c(0.01, 0.04, 0.03), "holm").
  test.each([
    [
      [0.01, 0.04, 0.03],
      [0.03, 0.06, 0.06],
    ],
    [
      [0.005, 0.011, 0.02, 0.04, 0.13],
      [0.025, 0.044, 0.06, 0.08, 0.13],
    ],
    [
      [0.6, 0.5, 0.9],
      [1, 1, 1],
    ],
    [
      [0.01, 0.01, 0.01],
      [0.03, 0.03, 0.03],
    ],
    [[0.0001], [0.0001]],
  ])('of %p is what statsmodels gives', (ps, adjusted) => {
    const found = holm(ps);
    for (const [at, p] of adjusted.entries()) expect(found[at]).toBeCloseTo(p, 12);
  });

  test('keeps the order and lies between p and m p', () => {
    const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(ps, (list) => {
        const found = holm(list);
        for (const [a, p] of list.entries()) {
          expect(found[a]).toBeGreaterThanOrEqual(p);
          expect(found[a]).toBeLessThanOrEqual(Math.min(1, list.length * p));
          for (const [b, other] of list.entries())
            if (p < other) expect(found[a]).toBeLessThanOrEqual(found[b] as number);
        }
      }),
    );
  });
});
