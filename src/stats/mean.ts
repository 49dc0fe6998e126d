/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Standard error of the mean, sqrt(sum of squared deviations / (n (n - 1))); undefined below two values. Over instances it is
 * equation 1 of Miller (2024), arXiv:2411.00640; over runs it is the SEM that papers print as `39.0 ± 0.5`.
 */
export function standardError(values: readonly number[]): number | undefined {
  const n = values.length;
  if (n < 2) return undefined;
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (n * (n - 1)));
}

/**
 * Standard error of the mean of values that come in clusters and may be alike within one: the sandwich estimator
 * sqrt(G / (G - 1) x sum over clusters of (sum of deviations)^2) / n; undefined below two clusters. With clusters of one value each
 * it equals {@link standardError}. Source: Liang and Zeger (1986), Biometrika 73, 13-22, with the correction for G clusters of
 * Cameron and Miller (2015), Journal of Human Resources 50, 317-372; for evaluations: Miller (2024), arXiv:2411.00640, section 2.2.
 */
export function clusteredError(
  values: readonly number[],
  clusterOf: (index: number) => string,
): number | undefined {
  const centre = mean(values);
  const sums = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const cluster = clusterOf(index);
    sums.set(cluster, (sums.get(cluster) ?? 0) + value - centre);
  }
  const clusters = sums.size;
  if (clusters < 2) return undefined;
  const squares = [...sums.values()].reduce((sum, deviation) => sum + deviation ** 2, 0);
  return Math.sqrt((clusters / (clusters - 1)) * squares) / values.length;
}
