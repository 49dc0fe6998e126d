/**
 * Unbiased estimate of the chance that at least one of k attempts succeeds, from n >= k attempts of which c did:
 * 1 - C(n-c, k) / C(n, k), as a product that neither overflows nor cancels. NaN when k > n: fewer attempts can't tell.
 * Source: Chen et al. (2021), "Evaluating Large Language Models Trained on Code", arXiv:2107.03374, equation 1.
 */
export function passAtK({ n, c, k }: { n: number; c: number; k: number }): number {
  if (k > n) return Number.NaN;
  let allFail = 1;
  for (let i = 0; i < k; i++) allFail *= Math.max(0, n - c - i) / (n - i);
  return 1 - allFail;
}
