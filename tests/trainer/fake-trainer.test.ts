import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Batch, Loss, LossSums } from '../../plugins/trainer/trainer.js';
import { AssayError, packageRoot } from '../../src/index.js';
import { added, evaluate } from './fake-losses.js';
import { fakeTrainer } from './fake-trainer.js';
import { batchOf, bigram, golden } from './golden.js';

const GOLDEN = join(packageRoot(), 'tests', 'trainer', 'golden.json');
const STEP = { learningRate: 0.1, gradientClip: 1 };

// Written anew with WRITE_GOLDEN=1, then `npx biome format --write tests/trainer/golden.json`.
test('the golden numbers are those that the fake trainer finds', async () => {
  const found: unknown = JSON.parse(JSON.stringify(await golden()));
  if (process.env['WRITE_GOLDEN'] !== undefined) await writeFile(GOLDEN, JSON.stringify(found));
  const kept: unknown = JSON.parse(await readFile(GOLDEN, 'utf8'));
  expect(found).toEqual(nearly(kept));
});

/** The same with numbers that may differ in their last digits: the exponential isn't the same on every machine. */
function nearly(value: unknown): unknown {
  if (typeof value === 'number') return expect.closeTo(value, 12);
  if (Array.isArray(value)) return value.map(nearly);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nearly(member)]));
}

test('its gradients are those of finite differences, for each loss', async () => {
  const trainer = await bigram();
  const { cases } = await golden();
  // Of the log-probabilities, which the bigram's gradient follows from.
  for (const { name, loss, batch } of cases) {
    const scored = batch.map((sequence) => ({
      sequence,
      logprobs: sequence.tokens.map((token, at) =>
        at === 0 ? 0 : (trainer.after(sequence.tokens[at - 1] ?? 0)[token] ?? 0),
      ),
      entropies: sequence.tokens.map(() => 0),
    }));
    const { gradients } = evaluate(loss, scored);
    scored.forEach(({ logprobs }, index) => {
      logprobs.forEach((_, at) => {
        const moved = (by: number) =>
          objective(
            loss,
            scored.map((one, i) =>
              i === index
                ? { ...one, logprobs: logprobs.map((value, j) => (j === at ? value + by : value)) }
                : one,
            ),
            scored,
          );
        const slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
        expect([name, index, at, gradients[index]?.[at]]).toEqual([
          name,
          index,
          at,
          expect.closeTo(slope, 6),
        ]);
      });
    });
  }
});

/** The loss; of CISPO, with the ratios as they were before anything moved, as no gradient goes through them. */
function objective(
  loss: Loss,
  moved: Parameters<typeof evaluate>[1],
  before: Parameters<typeof evaluate>[1],
): number {
  if (loss.kind !== 'policy' || loss.surrogate !== 'cispo') return evaluate(loss, moved).sums.loss;
  const { gradients } = evaluate(loss, before);
  return moved.reduce(
    (sum, { logprobs }, i) =>
      sum + logprobs.reduce((inner, value, at) => inner + value * (gradients[i]?.[at] ?? 0), 0),
    0,
  );
}

describe('closed forms', () => {
  const one = (logprob: number, more: object) => [
    {
      sequence: { tokens: [0, 1], weights: [0, 1], ...more },
      logprobs: [0, logprob],
      entropies: [0, 0.5],
    },
  ];
  const clip: Loss = {
    kind: 'policy',
    normalizer: 2,
    clipLow: 0.2,
    clipHigh: 0.3,
    ratioLevel: 'token',
    surrogate: 'clip',
  };
  test.each([
    ['a good token whose ratio is too high pulls no more', Math.log(2), 1, -1.3 / 2, 0, { clippedHigh: 1 }],
    ['a good token whose ratio is low pulls', Math.log(0.5), 1, -0.5 / 2, -0.5 / 2, { clippedHigh: 0 }],
    ['a bad token whose ratio is too low pulls no more', Math.log(0.5), -1, 0.8 / 2, 0, { clippedLow: 1 }],
    ['a bad token whose ratio is high pulls', Math.log(2), -1, 2 / 2, 2 / 2, { clippedLow: 0 }],
  ])('%s', (_, logRatio, advantage, loss, gradient, sums) => {
    const batch = one(-1 + logRatio, { advantages: [0, advantage], oldLogprobs: [0, -1] });
    const found = evaluate(clip, batch);
    expect(found.sums).toMatchObject({ ...sums, loss: expect.closeTo(loss, 12), tokens: 1, entropy: 0.5 });
    expect(found.gradients[0]?.[1]).toBeCloseTo(gradient, 12);
  });

  test('the dual clip ends the pull of a bad token whose ratio is far too high', () => {
    const batch = one(-1 + Math.log(5), { advantages: [0, -1], oldLogprobs: [0, -1] });
    const found = evaluate({ ...clip, dualClip: 3 }, batch);
    expect(found.sums).toMatchObject({ loss: expect.closeTo(3 / 2, 12), clippedDual: 1 });
    expect(found.gradients[0]?.[1]).toBeCloseTo(0, 12);
  });

  test('a log-ratio beyond 20 is cut and has no gradient', () => {
    const batch = one(0, { advantages: [0, -1], oldLogprobs: [0, -50] });
    const found = evaluate(clip, batch);
    expect(found.sums.ratio).toBeCloseTo(Math.exp(20), 3);
    expect(found.gradients[0]?.[1]).toBeCloseTo(0, 12);
  });
});

describe('the fake trainer', () => {
  const loss: Loss = {
    kind: 'policy',
    normalizer: 5,
    clipLow: 0.2,
    clipHigh: 0.3,
    ratioLevel: 'sequence',
    surrogate: 'clip',
    tisCap: 1.2,
  };
  const rounded = (sums: LossSums) =>
    Object.fromEntries(Object.entries(sums).map(([name, value]) => [name, expect.closeTo(value, 10)]));

  test('finds the same for a batch at once and in parts', async () => {
    const [whole, parts] = [await bigram(), await bigram()];
    const batch = batchOf(whole);
    const sums = await whole.accumulate(batch, loss);
    const each: LossSums[] = [];
    for (const sequence of batch) each.push(await parts.accumulate([sequence], loss));
    expect(added(each)).toEqual(rounded(sums));
    parts.waiting().forEach((value, i) => {
      expect(value).toBeCloseTo(whole.waiting()[i] ?? Number.NaN, 10);
    });
  });

  test('goes on from a checkpoint as if it had not been stopped', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'assay-fake-'));
    try {
      const trainer = await bigram();
      const batch = batchOf(trainer);
      const learn = async (one: typeof trainer) => {
        await one.accumulate(batch, loss);
        return one.step(STEP);
      };
      await learn(trainer);
      await trainer.save(folder);
      const resumed = fakeTrainer();
      await resumed.load({
        model: { folder: '' },
        resume: folder,
        optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1 },
        seed: 0,
        microBatchTokens: 64,
        checkpointing: false,
      });
      expect(await learn(resumed)).toEqual(await learn(trainer));
      expect(resumed.after(2)).toEqual(trainer.after(2));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('learns what it is shown', async () => {
    const trainer = await bigram();
    const batch: Batch = [{ tokens: [0, 1, 2, 0, 1, 2], weights: [0, 1, 1, 1, 1, 1] }];
    const before = await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer: 5 });
    for (let i = 0; i < 50; i++) {
      await trainer.step(STEP);
      await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer: 5 });
    }
    const after = await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer: 5 });
    expect(before.loss).toBeGreaterThan(1);
    expect(after.loss).toBeLessThan(0.1);
  });

  test('is over once it died', async () => {
    const died = new AssayError('trainer_failed', 'killed');
    const trainer = fakeTrainer({
      before: (op, count) => {
        if (op === 'hello' && count === 2) throw died;
      },
    });
    await trainer.hello();
    await expect(trainer.hello()).rejects.toBe(died);
    await expect(trainer.step(STEP)).rejects.toBe(died);
  });
});
