import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type BatchSettings, planSteps } from '../../plugins/dapo/batches.js';

const SETTINGS: BatchSettings = { seed: 7, iteration: 0, batch: 4, epochs: 1, split: 'last' };
const samples = (...sizes: readonly number[]) =>
  sizes.flatMap((size, group) =>
    Array.from({ length: size }, (_, index) => ({
      instanceId: `g${group}`,
      episodeId: `g${group}#${index}`,
    })),
  );

describe('the optimiser steps of an iteration', () => {
  it.each([
    ['last', 10, [4, 4, 2]],
    ['even', 10, [3, 4, 3]],
    ['last', 8, [4, 4]],
    ['even', 8, [4, 4]],
    ['even', 9, [3, 3, 3]],
  ] as const)('split %s make of %d episodes batches of %p', (split, count, expected) => {
    const { steps, warnings } = planSteps(samples(count), { ...SETTINGS, split });
    expect(steps.map(({ length }) => length)).toEqual(expected);
    expect(warnings).toEqual([]);
  });

  it('are one smaller batch and a warning where few episodes have a signal', () => {
    const { steps, warnings } = planSteps(samples(3), SETTINGS);
    expect(steps.map(({ length }) => length)).toEqual([3]);
    expect(warnings).toEqual([expect.stringContaining('3 episodes have a signal, a batch takes 4')]);
  });

  it('are none, with a warning, where no episode has a signal', () => {
    const { steps, warnings } = planSteps([], SETTINGS);
    expect(steps).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('no optimiser step')]);
  });

  it('are the same for the same seed and iteration, and others for others', () => {
    const all = samples(...Array.from({ length: 12 }, () => 2));
    const order = (settings: Partial<BatchSettings>) =>
      planSteps(all, { ...SETTINGS, ...settings })
        .steps.flat()
        .map(({ episodeId }) => episodeId)
        .join();
    expect(order({})).toBe(order({}));
    expect(order({ iteration: 1 })).not.toBe(order({}));
    expect(order({ seed: 8 })).not.toBe(order({}));
  });

  it('use each episode once per epoch, keep groups together, and are never over the size', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom('even' as const, 'last' as const),
        (sizes, batch, epochs, split) => {
          const all = samples(...sizes);
          const { steps } = planSteps(all, { ...SETTINGS, batch, epochs, split });
          const perEpoch = Math.ceil(all.length / batch);
          expect(steps).toHaveLength(epochs * perEpoch);
          for (let epoch = 0; epoch < epochs; epoch++) {
            const used = steps.slice(epoch * perEpoch, (epoch + 1) * perEpoch).flat();
            expect(used.map(({ episodeId }) => episodeId).sort()).toEqual(
              all.map(({ episodeId }) => episodeId).sort(),
            );
            const changes = used.filter(
              ({ instanceId }, index) => index === 0 || instanceId !== used[index - 1]?.instanceId,
            );
            expect(changes).toHaveLength(sizes.length);
          }
          for (const step of steps) {
            expect(step.length).toBeGreaterThan(0);
            expect(step.length).toBeLessThanOrEqual(batch);
          }
        },
      ),
    );
  });
});
