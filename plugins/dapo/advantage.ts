import { mean } from '../../src/index.js';

export const ADVANTAGES = ['grpo', 'dr_grpo', 'rloo', 'max_rl'] as const;
export type AdvantageKind = (typeof ADVANTAGES)[number];

/** A scorable episode of a group; the others are out before any of this. */
export interface Scored {
  readonly outcome: number;
  readonly reward: number;
}

/**
 * An advantage for each member of a group, in order; undefined for a group of fewer than two, which compares nothing.
 * - `grpo`: (r - mean) / (std + delta), arXiv 2402.03300; arXiv 2508.03501, section 4.3. std is that of a sample (n - 1), as in torch.std of verl, on which
 *   DAPO was made, and in TRL's nanstd; no paper says which
 * - `dr_grpo`: r - mean, arXiv 2503.20783
 * - `rloo`: r - mean of the others, arXiv 2402.14740
 * - `max_rl`: (r - mean) / share of outcomes, 0 where nothing was solved: algorithm 1 of arXiv 2602.02710, which has no penalty and so divides by its mean reward
 */
export function advantagesOf(
  group: readonly Scored[],
  kind: AdvantageKind,
  delta: number,
): readonly number[] | undefined {
  const n = group.length;
  if (n < 2) return undefined;
  const rewards = group.map(({ reward }) => reward);
  const centre = mean(rewards);
  const centred = rewards.map((reward) => reward - centre);
  switch (kind) {
    case 'grpo': {
      const std = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0) / (n - 1));
      return centred.map((value) => value / (std + delta));
    }
    case 'dr_grpo':
      return centred;
    case 'rloo':
      return centred.map((value) => (value * n) / (n - 1));
    case 'max_rl': {
      const solved = mean(group.map(({ outcome }) => outcome));
      return centred.map((value) => (solved === 0 ? 0 : value / solved));
    }
  }
}
