import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { durationBins } from '../../../reports/charts/durations.js';
import { isDrawable, linearScale } from '../../../reports/charts/scale.js';

const range = [0, 100] as const;

describe('a linear scale', () => {
  it('begins and ends at round values around all of its own', () => {
    const { ticks, low, high, at } = linearScale({ values: [0, 0.37], range, ticks: 4 });
    expect(ticks).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
    expect([low, high, at(0.1)]).toEqual([0, 0.4, 25]);
  });

  it('has few ticks, each inside, whatever the values are', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e90, max: 1e90 });
    fc.assert(
      fc.property(fc.array(number, { maxLength: 20 }), fc.boolean(), (values, whole) => {
        const { ticks, low, high, at } = linearScale({ values, range, ticks: 5, whole });
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThanOrEqual(8);
        for (const value of [...ticks, ...values]) {
          expect(at(value)).toBeGreaterThanOrEqual(-1e-6);
          expect(at(value)).toBeLessThanOrEqual(100 + 1e-6);
        }
        expect(high).toBeGreaterThan(low);
      }),
    );
  });

  it('has a domain around what is as good as one value, or as good as nothing', () => {
    for (const values of [[5e-324], [1e90, 1e90 * (1 + 1e-15)], [0], []]) {
      const { ticks, low, high } = linearScale({ values, range, ticks: 5 });
      expect([values, high > low, ticks.length > 1]).toEqual([values, true, true]);
    }
  });

  it('counts in whole numbers', () => {
    expect(linearScale({ values: [0, 1], range, ticks: 4, whole: true }).ticks).toEqual([0, 1]);
    expect(linearScale({ values: [0, 9], range, ticks: 4, whole: true }).ticks).toEqual([0, 5, 10]);
  });

  it('leaves out what is not finite, and what no image could hold', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 1e200, 2, 4];
    expect(values.filter(isDrawable)).toEqual([2, 4]);
    expect(linearScale({ values, range, ticks: 4 })).toMatchObject({ low: 2, high: 4 });
  });
});

describe('bins of durations', () => {
  it('begin with the shortest, end with the longest, and are about twice as wide each', () => {
    const { bins, median } = durationBins([0.6, 1.5, 1.6, 3, 100]);
    expect(bins).toEqual({
      edges: ['0.5 s', '1 s', '2 s', '4 s', '8 s', '15 s', '30 s', '1 min', '2 min'],
      counts: [1, 2, 1, 0, 0, 0, 0, 1],
    });
    expect(median.seconds).toBe(1.6);
    expect(median.at).toBeCloseTo(1 + Math.log2(1.6), 10);
  });

  it('hold every duration, those of nothing and of days too', () => {
    const { bins, median } = durationBins([0, 1e9]);
    expect(bins.counts.reduce((sum, one) => sum + one, 0)).toBe(2);
    expect(bins.edges).toHaveLength(bins.counts.length + 1);
    expect(Number.isFinite(median.at)).toBe(true);
  });
});
