import type { Interval } from './proportion.js';

/** Resamples behind each interval. */
export const RESAMPLES = 10_000;

interface Options {
  readonly values: readonly number[];
  /** Values of one cluster are drawn together. */
  readonly clusterOf: (index: number) => string | number;
  readonly random: () => number;
}

/**
 * 95 % percentile bootstrap interval of a mean: clusters are drawn with replacement, as many as there are, each with all of its values.
 * Null below two clusters. Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 13.3; clusters: Davison and
 * Hinkley (1997), Bootstrap Methods and their Application, section 3.8; quantiles as NumPy's default, which `scipy.stats.bootstrap` uses.
 */
export function bootstrapInterval({ values, clusterOf, random }: Options): Interval | null {
  const clusters = new Map<string | number, { sum: number; size: number }>();
  for (const [index, value] of values.entries()) {
    const cluster = clusters.get(clusterOf(index)) ?? { sum: 0, size: 0 };
    clusters.set(clusterOf(index), { sum: cluster.sum + value, size: cluster.size + 1 });
  }
  const drawable = [...clusters.values()];
  if (drawable.length < 2) return null;
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let [sum, size] = [0, 0];
    for (let draws = drawable.length; draws > 0; draws--) {
      const drawn = drawable[Math.floor(random() * drawable.length)] as (typeof drawable)[number];
      sum += drawn.sum;
      size += drawn.size;
    }
    return sum / size;
  }).sort();
  return { low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

function quantile(sorted: Float64Array, share: number): number {
  const position = share * (sorted.length - 1);
  const [below = 0, above = below] = sorted.subarray(Math.floor(position));
  return below + (above - below) * (position % 1);
}
