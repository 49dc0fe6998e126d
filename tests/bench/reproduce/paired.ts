import { mean, seededRandom } from '../../../src/index.js';

const DRAWS = 100_000;

/**
 * Chance, if neither were better, that the mean of the differences of pairs is at least as large as it is: a permutation test by random signs (one-sided, 100,000
 * draws, seeded), with the drawn ones and the true one counted, so never 0. Pairs are problems: the runs of one problem are no independent trials.
 */
export function pairedTest(before: readonly number[], after: readonly number[], seed = 1): number {
  const differences = after.map((value, at) => value - (before[at] ?? 0));
  const found = mean(differences);
  const random = seededRandom(seed);
  let atLeast = 1;
  for (let draw = 0; draw < DRAWS; draw++) {
    let sum = 0;
    for (const difference of differences) sum += random() < 0.5 ? difference : -difference;
    if (sum / differences.length >= found - 1e-12) atLeast++;
  }
  return atLeast / (DRAWS + 1);
}
