import { seededRandom, shuffled } from '../../src/index.js';
import { seedOf } from '../trainer/seed.js';

/**
 * The batches of the optimiser steps of a whole run: each epoch in an order of its own by the seed, `batch` episodes each; the last of an epoch may be smaller,
 * none is dropped.
 */
export function planEpochs<T>(
  samples: readonly T[],
  { seed, batch, epochs }: { readonly seed: number; readonly batch: number; readonly epochs: number },
): readonly (readonly T[])[] {
  return Array.from({ length: epochs }, (_, epoch) => {
    const order = shuffled(samples, seededRandom(seedOf(seed, 'rft', epoch)));
    return Array.from({ length: Math.ceil(order.length / batch) }, (_, index) =>
      order.slice(index * batch, (index + 1) * batch),
    );
  }).flat();
}

/** Tokens with a weight in all sequences of a step: the loss is a mean over them, whatever the micro-batches. 1 where there are none. */
export function tokensWithLoss(batch: readonly { readonly weights: readonly number[] }[]): number {
  return Math.max(
    1,
    batch.reduce((sum, { weights }) => sum + weights.filter((weight) => weight !== 0).length, 0),
  );
}
