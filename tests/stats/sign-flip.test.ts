import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { signFlipTest } from '../../src/stats/sign-flip.js';
import { seededRandom } from '../../src/util/random.js';

const NO_RANDOM = () => {
  throw new Error('the exact test draws nothing');
};

describe('signFlipTest', () => {
  // SciPy 1.17.1: permutation_test((d,), np.sum, permutation_type='samples', n_resamples=np.inf).pvalue
  test.each([
    [[1, 2, 3], 0.25],
    [[3, 3, 3, 3], 0.125],
    [[4, -1, 2, 2, 0, 3, -2, 1], 0.21875],
    [[1, 1, 1, -1, 2, 3, -2, 4, 1, 0, 2, 5], 0.0439453125],
    [[-2, 5, 1, -1, -4, 6, 2, 2, 3, 1, -1, 7, 2], 0.11083984375],
  ])('of %p is what SciPy gives', (differences, p) => {
    expect(signFlipTest({ differences, random: NO_RANDOM })).toEqual({ p, method: 'exact' });
  });

  test('is 1 where nothing differs', () => {
    expect(signFlipTest({ differences: [0, 0], random: NO_RANDOM }).p).toBe(1);
  });

  test('does not ask which run is named first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -8, max: 8 }), { maxLength: 100 }), (differences) => {
        const swapped = differences.map((value) => -value);
        expect(signFlipTest({ differences: swapped, random: NO_RANDOM })).toEqual(
          signFlipTest({ differences, random: NO_RANDOM }),
        );
      }),
    );
  });

  test('draws signs where the exact distribution would take too long, and comes near to it', () => {
    const small = Array.from({ length: 30 }, (_, at) => (at % 3 === 0 ? -1 : 1) * (1 + (at % 7)));
    const exact = signFlipTest({ differences: small, random: NO_RANDOM });
    const scale = 1_000_000;
    const drawn = signFlipTest({ differences: small.map((value) => value * scale), random: seededRandom(1) });
    expect([exact.method, drawn.method]).toEqual(['exact', 'monte-carlo']);
    expect(Math.abs(drawn.p - exact.p)).toBeLessThan(4 * Math.sqrt(exact.p / 100_000) + 1e-5);
  });
});
