import { describe, expect, test } from '@jest/globals';
import { lossParts, sumOf } from '../../plugins/trainer/loss-sums.js';
import type { Batch, Loss } from '../../plugins/trainer/trainer.js';
import { evaluate } from './fake-losses.js';
import { bigram, golden } from './golden.js';

const LOGPROBS = [Float64Array.from([0, Math.log(0.5), Math.log(0.25)])];
const CLIP = {
  kind: 'policy',
  normalizer: 2,
  clipLow: 0.2,
  clipHigh: 0.3,
  ratioLevel: 'token',
  surrogate: 'clip',
} as const;

function sequence(old: readonly number[], advantages: readonly number[], weights = [0, 1, 1]): Batch {
  return [{ tokens: [1, 2, 3], weights, advantages, oldLogprobs: old.map(Math.log) }];
}

describe('a loss of known log-probabilities', () => {
  test('is by hand: ratios 2 and 1/2, of which one is over its bound and one is not', () => {
    const { sums, slopes } = lossParts(sequence([1, 0.25, 0.5], [0, 1, 3]), LOGPROBS, CLIP);
    // min(2 x 1, 1.3) + min(0.5 x 3, 0.8 x 3), halved.
    expect(sums.loss).toBeCloseTo(-(1.3 + 1.5) / 2, 12);
    expect([...(slopes[0] ?? [])]).toEqual([0, -0, expect.closeTo(-1.5 / 2, 12)]);
    expect(sums).toMatchObject({ tokens: 2, clippedHigh: 1, clippedLow: 0, ratio: expect.closeTo(2.5, 12) });
    expect(sums.klOld).toBeCloseTo(1 - Math.log(2) + (0.5 - 1 + Math.log(2)), 12);
  });

  test('leaves out tokens whose old log-probability or advantage is not finite, and counts them', () => {
    const { sums, slopes } = lossParts(sequence([1, Number.NaN, 0.5], [0, 1, 3]), LOGPROBS, CLIP);
    expect(sums).toMatchObject({ tokens: 1, nonFinite: 1, loss: expect.closeTo(-0.75, 12) });
    expect(slopes[0]?.[1]).toBe(0);
  });

  test('is not finite where a log-probability is not', () => {
    const logprobs = [[0, Number.NaN, 0]];
    expect(lossParts(sequence([1, 1, 1], [0, 1, 1]), logprobs, CLIP).sums.loss).toBeNaN();
    expect(
      lossParts(sequence([1, 1, 1], []), logprobs, { kind: 'cross_entropy', normalizer: 1 }).sums.loss,
    ).toBeNaN();
  });

  test('is that of an independent implementation, with its slopes, over all options', async () => {
    const trainer = await bigram();
    for (const { name, loss, batch } of (await golden()).cases) {
      const { logprobs, entropies = [] } = await trainer.logprobs(batch);
      const scored = batch.map((one, index) => ({
        sequence: one,
        logprobs: [...(logprobs[index] ?? [])],
        entropies: [...(entropies[index] ?? [])].map(() => 0),
      }));
      const expected = evaluate(loss, scored);
      const found = lossParts(batch, logprobs, loss);
      expect([name, rounded(found.sums)]).toEqual([name, rounded(expected.sums)]);
      expect([name, found.slopes.map((row) => [...row].map(digits))]).toEqual([
        name,
        expected.gradients.map((row) => row.map(digits)),
      ]);
    }
  });

  test('of parts of a batch adds up to that of the whole', async () => {
    const trainer = await bigram();
    const [one] = (await golden()).cases.filter(({ loss }) => loss.kind === 'policy');
    const { batch, loss } = one as { batch: Batch; loss: Loss };
    const { logprobs } = await trainer.logprobs(batch);
    const parts = batch.map((sequence_, index) => lossParts([sequence_], [logprobs[index] ?? []], loss).sums);
    expect(rounded(sumOf(parts))).toEqual(rounded(lossParts(batch, logprobs, loss).sums));
  });
});

function digits(value: number): number {
  return Math.round(value * 1e10) / 1e10 + 0;
}

function rounded(sums: object): object {
  return Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, digits(value)]));
}
