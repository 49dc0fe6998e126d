/**
 * Two-sided p-value of the exact McNemar test: of `b + c` pairs that differ, `b` go one way and `c` the other; min(1, 2 P(X <= min(b, c)))
 * for X ~ Binomial(b + c, 1/2). 1 when no pair differs. The largest term is found by its logarithm, so that large counts don't overflow.
 * Source: McNemar (1947), Psychometrika 12, 153-157, with the binomial distribution in place of chi-squared; equals R's
 * `exact2x2::mcnemar.exact` and SciPy's `binomtest(min(b, c), b + c).pvalue`.
 */
export function exactMcNemar(b: number, c: number): number {
  const pairs = b + c;
  const fewer = Math.min(b, c);
  let logTerm = -pairs * Math.LN2;
  for (let i = 1; i <= fewer; i++) logTerm += Math.log((pairs - fewer + i) / i);
  let sum = 0;
  // Terms of the tail as shares of its largest, which is the first.
  for (let k = fewer, term = 1; k >= 0 && term > 0; k--) {
    sum += term;
    term *= k / (pairs - k + 1);
  }
  return Math.min(1, 2 * Math.exp(logTerm + Math.log(sum)));
}
