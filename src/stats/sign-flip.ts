/** A p-value and how it was found. */
export interface SignFlipTest {
  readonly p: number;
  /** `exact`: over all assignments of signs; `monte-carlo`: over {@link DRAWS} random ones. */
  readonly method: 'exact' | 'monte-carlo';
}

interface Options {
  /** Whole numbers: score differences in units of a common denominator of all attempts. */
  readonly differences: readonly number[];
  readonly random: () => number;
}

/** Sums that the exact distribution may have, 80 MB, and steps that it may take, about a second. */
const EXACT_SUMS = 1e7;
const EXACT_STEPS = 3e8;
const DRAWS = 100_000;

/**
 * Two-sided paired permutation test of a sum of differences: the share of all assignments of signs whose sum is at least as far from 0.
 * All are counted by convolution; with too many steps for that, random ones, the one that was seen among them. With differences of -1, 0
 * and 1 it is the exact McNemar test. Source: Fisher (1935), The Design of Experiments, section 21; the Monte Carlo estimate:
 * Phipson and Smyth (2010), Statistical Applications in Genetics and Molecular Biology 9, article 39.
 */
export function signFlipTest({ differences, random }: Options): SignFlipTest {
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const sizes = differences.map(Math.abs).filter((size) => size > 0);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return total <= EXACT_SUMS && total * sizes.length <= EXACT_STEPS
    ? { p: exactShare(sizes, total, observed), method: 'exact' }
    : { p: drawnShare(sizes, observed, random), method: 'monte-carlo' };
}

/** By the distribution of the sum of those that keep their sign, which is (total + sum) / 2. */
function exactShare(sizes: readonly number[], total: number, observed: number): number {
  const chances = new Float64Array(total + 1);
  chances[0] = 1;
  let reached = 0;
  for (const size of sizes) {
    reached += size;
    for (let sum = reached; sum >= 0; sum--) {
      const taken = sum < size ? 0 : (chances[sum - size] ?? 0);
      chances[sum] = ((chances[sum] ?? 0) + taken) / 2;
    }
  }
  const far = chances.reduce(
    (share, chance, sum) => share + (Math.abs(2 * sum - total) >= observed ? chance : 0),
    0,
  );
  return Math.min(1, far);
}

function drawnShare(sizes: readonly number[], observed: number, random: () => number): number {
  let far = 1;
  for (let draw = 0; draw < DRAWS; draw++) {
    const sum = sizes.reduce((partial, size) => partial + (random() < 0.5 ? size : -size), 0);
    if (Math.abs(sum) >= observed) far++;
  }
  return far / (DRAWS + 1);
}
