import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { groupTokens, LOSS_NORMS, lossNorm, type Sized } from '../../plugins/dapo/loss-norm.js';

const sized = (instanceId: string, tokens: number): Sized => ({ instanceId, tokens });
const BATCH = [sized('a', 100), sized('a', 300), sized('b', 50)];

/** Loss of a batch of which every token of an episode has the same loss. */
function lossOf(
  batch: readonly Sized[],
  losses: readonly number[],
  all = batch,
  kind = LOSS_NORMS[0] as (typeof LOSS_NORMS)[number],
) {
  const { weights, normalizer } = lossNorm(batch, kind, { constant: 1000, groups: groupTokens(all) });
  const sum = batch.reduce(
    (total, { tokens }, index) => total + tokens * (weights[index] ?? 0) * (losses[index] ?? 0),
    0,
  );
  return sum / normalizer;
}

describe('the normaliser of the loss', () => {
  it.each([
    // (100 x 1 + 300 x 2 + 50 x 4) / 450
    ['batch_tokens', 2],
    // ((100 x 1 + 300 x 2) / 400 + 4) / 2
    ['group_tokens', 2.875],
    // (1 + 2 + 4) / 3
    ['sequence', 7 / 3],
    // (100 x 1 + 300 x 2 + 50 x 4) / (3 x 1000)
    ['constant', 0.3],
  ] as const)('%s gives the mean that its paper says', (kind, expected) => {
    expect(lossOf(BATCH, [1, 2, 4], BATCH, kind)).toBeCloseTo(expected, 12);
  });

  it('batch_tokens is the number of action tokens of the batch', () => {
    const groups = groupTokens(BATCH);
    expect(lossNorm(BATCH, 'batch_tokens', { constant: 1, groups })).toEqual({
      weights: [1, 1, 1],
      normalizer: 450,
    });
  });

  it('group_tokens counts a split group by its share in each batch', () => {
    // Of a's 400 tokens 300 are in this batch: weight of its mean 3/4, of b's 1.
    const batch = [sized('a', 300), sized('b', 50)];
    const { weights, normalizer } = lossNorm(batch, 'group_tokens', {
      constant: 1,
      groups: groupTokens(BATCH),
    });
    expect(weights).toEqual([1 / 400, 1 / 50]);
    expect(normalizer).toBeCloseTo(1.75, 12);
  });

  it.each(LOSS_NORMS)('%s of nothing is no division by 0', (kind) => {
    for (const batch of [[], [sized('a', 0)]]) {
      const { weights, normalizer } = lossNorm(batch, kind, { constant: 8, groups: groupTokens(batch) });
      expect(normalizer).toBeGreaterThan(0);
      expect(weights.every(Number.isFinite)).toBe(true);
    }
  });

  it.each(['batch_tokens', 'group_tokens', 'sequence'] as const)(
    '%s gives back a loss that is the same for all tokens, of any batch',
    (kind) => {
      const batches = fc.array(
        fc.record({
          instanceId: fc.constantFrom('a', 'b', 'c'),
          tokens: fc.integer({ min: 1, max: 50_000 }),
        }),
        { minLength: 1, maxLength: 30 },
      );
      fc.assert(
        fc.property(batches, fc.nat(), (all, at) => {
          const batch = all.slice(0, 1 + (at % all.length));
          const losses = batch.map(() => 3.5);
          expect(lossOf(batch, losses, all, kind)).toBeCloseTo(3.5, 9);
        }),
      );
    },
  );
});
