export const LOSS_NORMS = ['batch_tokens', 'group_tokens', 'sequence', 'constant'] as const;
export type LossNormKind = (typeof LOSS_NORMS)[number];

/** An episode of a step's batch. */
export interface Sized {
  readonly instanceId: string;
  /** Action tokens with a loss. */
  readonly tokens: number;
}

/** What each action token of an episode weighs, and what the sum of all of a batch is divided by. */
export interface LossNorm {
  /** For each episode of the batch. */
  readonly weights: readonly number[];
  readonly normalizer: number;
}

/** Action tokens of each group over all that is trained on in an iteration: the denominators of `group_tokens`. */
export function groupTokens(samples: readonly Sized[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const { instanceId, tokens } of samples)
    totals.set(instanceId, (totals.get(instanceId) ?? 0) + tokens);
  return totals;
}

/**
 * - `batch_tokens`: mean over the action tokens of the batch: arXiv 2508.03501, section 4.3, as its text says; token-mean of verl
 * - `group_tokens`: mean over groups of the mean over a group's action tokens: the same paper's equation 8; a group that is split over batches counts in each by the
 *   share of its tokens that is there
 * - `sequence`: mean over episodes of the mean over their tokens: GRPO, arXiv 2402.03300
 * - `constant`: mean over episodes of their sums, divided by a constant length in tokens: Dr. GRPO, arXiv 2503.20783
 *
 * The normaliser of the first three is the sum of all weights, so that a smaller last batch has a mean over what it holds. 1 where there are no tokens.
 */
export function lossNorm(
  batch: readonly Sized[],
  kind: LossNormKind,
  { constant, groups }: { readonly constant: number; readonly groups: ReadonlyMap<string, number> },
): LossNorm {
  if (kind === 'constant')
    return { weights: batch.map(() => 1), normalizer: Math.max(1, batch.length) * constant };
  const weights = batch.map(({ instanceId, tokens }) => {
    if (kind === 'batch_tokens') return 1;
    const total = kind === 'sequence' ? tokens : (groups.get(instanceId) ?? tokens);
    return total === 0 ? 0 : 1 / total;
  });
  const sum = batch.reduce((total, { tokens }, index) => total + tokens * (weights[index] ?? 0), 0);
  return { weights, normalizer: sum === 0 ? 1 : sum };
}
