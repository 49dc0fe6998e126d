import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planEpochs, tokensWithLoss } from '../../plugins/rft/batches.js';
import { type Candidate, dropTooLong, selectEpisodes } from '../../plugins/rft/select.js';

const OPTIONS = { duplicates: 'actions', validations: [] } as const;

function candidate(instanceId: string, sample: number, more: Partial<Candidate> = {}): Candidate {
  const episodeId = `${instanceId}#${sample}`;
  return { episodeId, instanceId, sample, outcome: 1, actions: episodeId, patch: episodeId, ...more };
}
const ids = ({ kept }: { readonly kept: readonly Candidate[] }) => kept.map(({ episodeId }) => episodeId);

describe('the episodes to train on', () => {
  it('are the resolved ones, by instance and sample, with counts of each step', () => {
    const selected = selectEpisodes(
      [
        candidate('b', 2),
        candidate('b', 1),
        candidate('a', 1, { outcome: 0 }),
        candidate('a', 2, { outcome: null }),
        candidate('a', 3),
      ],
      OPTIONS,
    );
    expect(ids(selected)).toEqual(['a#3', 'b#1', 'b#2']);
    expect(selected.steps.map(({ name, dropped, left }) => [name, dropped, left])).toEqual([
      ['played', 0, 5],
      ['unscorable', 1, 4],
      ['unresolved', 1, 3],
      ['flaky', 0, 3],
      ['duplicate', 0, 3],
    ]);
  });

  it('are one of those that did the same at one instance: the first sample', () => {
    const same = { actions: 'same' };
    const all = [candidate('a', 2, same), candidate('a', 1, same), candidate('b', 1, same)];
    expect(ids(selectEpisodes(all, OPTIONS))).toEqual(['a#1', 'b#1']);
    expect(ids(selectEpisodes(all, { ...OPTIONS, duplicates: 'keep' }))).toHaveLength(3);
  });

  it('are one of those with the same patch, if one wants that', () => {
    const all = [candidate('a', 1, { patch: 'same' }), candidate('a', 2, { patch: 'same' })];
    expect(ids(selectEpisodes(all, OPTIONS))).toHaveLength(2);
    expect(ids(selectEpisodes(all, { ...OPTIONS, duplicates: 'patch' }))).toEqual(['a#1']);
  });

  it('are not of an instance that a validation found flaky, failing or solved from the start', () => {
    const all = ['valid', 'flaky', 'gold_fails', 'empty_resolves', 'infra', 'unknown'].map((id) =>
      candidate(id, 1),
    );
    const validations = (['valid', 'flaky', 'gold_fails', 'empty_resolves', 'infra'] as const).map(
      (kind) => ({
        instanceId: kind,
        class: kind,
      }),
    );
    expect(ids(selectEpisodes(all, { ...OPTIONS, validations }))).toEqual([
      'infra#1',
      'unknown#1',
      'valid#1',
    ]);
  });

  it('are not those whose very patch was not resolved another time', () => {
    const all = [
      candidate('a', 1, { patch: 'p' }),
      candidate('a', 2, { patch: 'p', outcome: 0 }),
      candidate('a', 3, { patch: 'q' }),
      candidate('a', 4, { patch: 'q', outcome: null }),
      candidate('b', 1, { patch: 'p' }),
    ];
    expect(ids(selectEpisodes(all, OPTIONS))).toEqual(['a#3', 'b#1']);
  });

  it('are not longer than the context', () => {
    const selected = dropTooLong(
      selectEpisodes([candidate('a', 1), candidate('a', 2)], OPTIONS),
      ({ sample }) => sample * 100,
      100,
    );
    expect(ids(selected)).toEqual(['a#1']);
    expect(selected.steps.at(-1)).toMatchObject({ name: 'too_long', dropped: 1, left: 1 });
  });
});

describe('the steps of the fine-tuning', () => {
  it('are 103 for the 6,548 episodes of the paper at 64 each, the last with 20', () => {
    const steps = planEpochs(Array.from({ length: 6548 }), { seed: 1, batch: 64, epochs: 1 });
    expect(steps).toHaveLength(103);
    expect(steps.at(-1)).toHaveLength(20);
  });

  it('use each episode once per epoch, in an order of the seed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        (count, batch, epochs, seed) => {
          const all = Array.from({ length: count }, (_, index) => index);
          const steps = planEpochs(all, { seed, batch, epochs });
          expect(steps.flat().toSorted((a, b) => a - b)).toEqual(
            all.flatMap((value) => Array.from({ length: epochs }, () => value)),
          );
          expect(steps).toEqual(planEpochs(all, { seed, batch, epochs }));
          const size = Math.ceil(count / batch);
          for (let epoch = 0; epoch < epochs; epoch++)
            expect(new Set(steps.slice(epoch * size, (epoch + 1) * size).flat()).size).toBe(count);
        },
      ),
    );
  });

  it('divide the loss by the tokens that have one', () => {
    expect(tokensWithLoss([{ weights: [0, 1, 1] }, { weights: [0, 0, 1, 0] }])).toBe(3);
    expect(tokensWithLoss([])).toBe(1);
  });
});
