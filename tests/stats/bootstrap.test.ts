import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bootstrapInterval } from '../../src/stats/bootstrap.js';
import { seededRandom } from '../../src/util/random.js';

const of = (count: number, value: number) => Array<number>(count).fill(value);

describe('bootstrapInterval', () => {
  test('agrees with SciPy where each value is drawn by itself', () => {
    // SciPy 1.17.1: bootstrap((v,), np.mean, n_resamples=100000, method='percentile'): 0.044 to 0.108 with three seeds.
    const values = [...of(54, 1), ...of(16, -1), ...of(430, 0)];
    const found = bootstrapInterval({ values, clusterOf: (at) => at, random: seededRandom(1) });
    expect(Math.abs((found?.low ?? 0) - 0.044)).toBeLessThan(0.0021);
    expect(Math.abs((found?.high ?? 0) - 0.108)).toBeLessThan(0.0021);
  });

  test('agrees with NumPy where clusters are drawn as a whole', () => {
    // NumPy: i = rng.integers(0, 8, (400000, 8)); np.percentile(sums[i].sum(1) / sizes[i].sum(1), [2.5, 97.5]) with two seeds.
    const clusters = [
      [1, 1, 0, 0, 0, 1, -1, 0, 0, 0],
      [0, 0, 1],
      [1, 0, 0, 0, -1, 1],
      [0, 0, 0, 0, 0, 1, 1, 0],
      [-1, 0],
      [0, 1, 1, 0, 0],
      [0, 0, 0, -1, 1, 1, 0],
      [1],
    ];
    const names = clusters.flatMap((values, index) => values.map(() => String(index)));
    const found = bootstrapInterval({
      values: clusters.flat(),
      clusterOf: (at) => names[at] ?? '',
      random: seededRandom(1),
    });
    expect(Math.abs((found?.low ?? 0) - 0.1)).toBeLessThan(0.01);
    expect(Math.abs((found?.high ?? 0) - 0.3214)).toBeLessThan(0.01);
  });

  test('lies within the values, and is the mirror image for those of the other sign', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(-1, -0.5, 0, 0.5, 1), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (values, seed) => {
          const interval = (list: readonly number[]) =>
            bootstrapInterval({ values: list, clusterOf: (at) => at, random: seededRandom(seed) });
          const found = interval(values);
          const mirror = interval(values.map((value) => -value));
          expect(found?.low).toBeGreaterThanOrEqual(Math.min(...values));
          expect(found?.high).toBeLessThanOrEqual(Math.max(...values));
          expect(mirror?.low).toBeCloseTo(-(found?.high ?? 0), 9);
          expect(mirror?.high).toBeCloseTo(-(found?.low ?? 0), 9);
        },
      ),
      { numRuns: 5 },
    );
  });

  test('is not there below two clusters', () => {
    expect(bootstrapInterval({ values: [0, 1], clusterOf: () => 'one', random: seededRandom(1) })).toBeNull();
    expect(bootstrapInterval({ values: [], clusterOf: (at) => at, random: seededRandom(1) })).toBeNull();
  });
});
