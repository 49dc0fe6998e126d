/** Both ends of an interval, as fractions. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** 97.5 % point of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * 95 % score interval of a proportion, without continuity correction; always inside [0, 1], and all of it when `total` is 0.
 * `successes` may be fractional (a mean over attempts): the interval is then wider than need be, never narrower.
 * Source: Wilson (1927), JASA 22, 209-212; method 3 in Newcombe (1998), Statistics in Medicine 17, 857-872.
 */
export function wilsonInterval(successes: number, total: number): Interval {
  if (total === 0) return { low: 0, high: 1 };
  const p = successes / total;
  const z2 = Z95 * Z95;
  const scale = 1 / (1 + z2 / total);
  const centre = scale * (p + z2 / (2 * total));
  const half = scale * Z95 * Math.sqrt((p * (1 - p)) / total + z2 / (4 * total * total));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === total ? 1 : Math.min(1, centre + half),
  };
}

/**
 * Standard error of a proportion, as a fraction: sqrt(p (1 - p) / n).
 * Source: variance of a binomial share; equation 2 of Miller (2024), arXiv:2411.00640 (called there the Bernoulli error).
 */
export function binomialError(successes: number, total: number): number {
  const p = successes / total;
  return Math.sqrt((p * (1 - p)) / total);
}
