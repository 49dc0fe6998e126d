import { seededRandom, shuffled } from '../../src/index.js';
import { seedOf } from '../trainer/seed.js';

export interface BatchSettings {
  readonly seed: number;
  /** From 0. */
  readonly iteration: number;
  /** Most episodes of an optimiser step. */
  readonly batch: number;
  /** Times that each episode of the iteration is used; each time in another order. */
  readonly epochs: number;
  /** `even`: batches of an epoch differ by at most one episode; `last`: all are full but the last. None is dropped. */
  readonly split: 'even' | 'last';
}

export interface Plan<T> {
  /** The batches of the optimiser steps, in order. */
  readonly steps: readonly (readonly T[])[];
  readonly warnings: readonly string[];
}

/**
 * The optimiser steps of an iteration. Groups are shuffled and stay together, but where a batch ends within one. Too few episodes make a smaller batch and a
 * warning, none make no step and a warning.
 */
export function planSteps<T extends { readonly instanceId: string }>(
  samples: readonly T[],
  { seed, iteration, batch, epochs, split }: BatchSettings,
): Plan<T> {
  const count = samples.length;
  if (count === 0)
    return {
      steps: [],
      warnings: ['No group has a signal: no optimiser step. Take more problems, or others.'],
    };
  const ids = [...new Set(samples.map(({ instanceId }) => instanceId))].sort();
  const byId = new Map(ids.map((id): [string, T[]] => [id, []]));
  for (const sample of samples) byId.get(sample.instanceId)?.push(sample);
  const groups = [...byId.values()];
  const steps = Array.from({ length: epochs }, (_, epoch) => {
    const random = seededRandom(seedOf(seed, 'batches', iteration, epoch));
    return cutUp(shuffled(groups, random).flat(), batch, split);
  }).flat();
  const warnings =
    count < batch
      ? [`${count} episodes have a signal, a batch takes ${batch}: a smaller one. Take more problems.`]
      : [];
  return { steps, warnings };
}

function cutUp<T>(
  items: readonly T[],
  batch: number,
  split: BatchSettings['split'],
): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / batch);
  const bound = (index: number) =>
    split === 'last' ? Math.min(items.length, index * batch) : Math.round((index * items.length) / count);
  return Array.from({ length: count }, (_, index) => items.slice(bound(index), bound(index + 1)));
}
