import { canonicalJson, sha256 } from '../../src/index.js';

/** A seed of its own for each use: 32 bits of a hash of the run's seed and of what it is for, so that neighbours have nothing in common. */
export function seedOf(seed: number, ...use: readonly (string | number)[]): number {
  return Number.parseInt(sha256(canonicalJson([seed, ...use])).slice(0, 8), 16);
}
