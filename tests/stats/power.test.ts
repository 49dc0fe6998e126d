import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exactMcNemar } from '../../src/stats/mcnemar.js';
import { smallestDetectable } from '../../src/stats/power.js';

const of = (count: number, value: number) => Array<number>(count).fill(value);

describe('smallestDetectable', () => {
  // SciPy 1.17.1: brentq(lambda d: za*sqrt(psi) + zb*sqrt(psi - d*d) - sqrt(n)*d, 1e-9, sqrt(psi)), psi the share that differs.
  test.each([
    [54, 16, 430, 0.04676903847977205],
    [5, 5, 90, 0.08755348893491927],
    [60, 40, 400, 0.055899692822084686],
    [3, 0, 17, 0.2285769320494714],
  ])('of %d wins, %d losses and %d ties solves the equation of Connor', (wins, losses, ties, found) => {
    expect(smallestDetectable([...of(wins, 1), ...of(losses, -1), ...of(ties, 0)])).toBeCloseTo(found, 10);
  });

  test('is found by the exact test nearly as often as it says: 77.5 % with 500 instances of which 14 % differ', () => {
    const [n, share] = [500, 0.14];
    const found = smallestDetectable([...of(70, 1), ...of(430, 0)]) ?? 0;
    const logFactorials = [0];
    for (let i = 1; i <= n; i++) logFactorials.push((logFactorials[i - 1] ?? 0) + Math.log(i));
    const binomial = (k: number, total: number, p: number) =>
      Math.exp(
        (logFactorials[total] ?? 0) -
          (logFactorials[k] ?? 0) -
          (logFactorials[total - k] ?? 0) +
          k * Math.log(p) +
          (total - k) * Math.log(1 - p),
      );
    let power = 0;
    for (let differ = 1; differ <= 150; differ++)
      for (let wins = 0; wins <= differ; wins++)
        if (exactMcNemar(differ - wins, wins) <= 0.05)
          power += binomial(differ, n, share) * binomial(wins, differ, (1 + found / share) / 2);
    expect(power).toBeCloseTo(0.775, 3);
  });

  test('halves with four times as many instances, and does not ask which run is named first', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-1, 0, 0.25, 1), { minLength: 50, maxLength: 60 }), (values) => {
        const found = smallestDetectable(values);
        expect(smallestDetectable(values.map((value) => -value))).toBe(found);
        if (found === null) return;
        const more = smallestDetectable([...values, ...values, ...values, ...values]) ?? 0;
        expect(more / found).toBeGreaterThan(0.49);
        expect(more / found).toBeLessThan(0.52);
      }),
    );
  });

  test('is not there where nothing differs, or too few instances are', () => {
    expect(smallestDetectable(of(500, 0))).toBeNull();
    expect(smallestDetectable([1, 0])).toBeNull();
    expect(smallestDetectable([])).toBeNull();
  });
});
