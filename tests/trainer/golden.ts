import type { Batch, Loss, LossSums, PolicyLoss, Sequence } from '../../plugins/trainer/trainer.js';
import { seededRandom } from '../../src/index.js';
import { type FakeTrainer, fakeTrainer } from './fake-trainer.js';

/** What the fake trainer finds for a batch with a loss; the Python trainer's losses must find the same (plugins/trainer/python/tests/test_golden.py). NaN is null. */
export interface Golden {
  readonly vocabulary: number;
  /** Logits of the bigram, row by row [token before, token]. */
  readonly logits: readonly number[];
  readonly cases: readonly GoldenCase[];
}

interface GoldenCase {
  readonly name: string;
  readonly loss: Loss;
  readonly batch: Batch;
  readonly sums: LossSums;
  /** Of the loss by each logit. */
  readonly gradient: readonly number[];
}

export const VOCABULARY = 6;
const LENGTHS = [9, 12, 2, 7];
const NORMALIZER = 7.5;
const CLIP: PolicyLoss = { clipLow: 0.2, clipHigh: 0.3, ratioLevel: 'token', surrogate: 'clip' };
const policy = (more: Partial<PolicyLoss> = {}): Loss => ({
  kind: 'policy',
  normalizer: NORMALIZER,
  ...CLIP,
  ...more,
});

const LOSSES: readonly (readonly [string, Loss])[] = [
  ['cross entropy', { kind: 'cross_entropy', normalizer: NORMALIZER }],
  ['clip', policy()],
  ['clip, narrow', policy({ clipLow: 0.02, clipHigh: 0.05 })],
  ['clip, never', policy({ clipLow: 1, clipHigh: 100 })],
  ['dual clip', policy({ dualClip: 1.5 })],
  ['truncated importance sampling', policy({ tisCap: 1.1 })],
  ['sequence ratios', policy({ ratioLevel: 'sequence', clipLow: 0.05, clipHigh: 0.08 })],
  ['sequence ratios, dual clip, tis', policy({ ratioLevel: 'sequence', dualClip: 1.05, tisCap: 0.9 })],
  ['cispo', policy({ surrogate: 'cispo', clipHigh: 0.1 })],
  ['cispo, sequence ratios, tis', policy({ surrogate: 'cispo', ratioLevel: 'sequence', tisCap: 1.1 })],
];

/** The bigram that the golden numbers are of. */
export async function bigram(): Promise<FakeTrainer> {
  const trainer = fakeTrainer();
  await trainer.load({
    model: { config: { vocabulary: VOCABULARY, spread: 2 }, tokenizer: '' },
    optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1 },
    seed: 3,
    microBatchTokens: 64,
    checkpointing: false,
  });
  return trainer;
}

/** All cases, computed anew. */
export async function golden(): Promise<Golden> {
  const trainer = await bigram();
  const batch = batchOf(trainer);
  const broken = batch.map((sequence) => ({
    ...sequence,
    oldLogprobs: sequence.oldLogprobs?.map((value, at) => (at === 3 ? Number.NaN : value)),
    advantages: sequence.advantages?.map((value, at) => (at === 4 ? Number.NaN : value)),
  }));
  const plans = [
    ...LOSSES.map(([name, loss]) => ({ name, loss, batch })),
    { name: 'not finite', loss: policy({ tisCap: 1.1 }), batch: broken },
    {
      name: 'not finite, sequence ratios',
      loss: policy({ ratioLevel: 'sequence', clipLow: 0.05 }),
      batch: broken,
    },
  ];
  const cases: GoldenCase[] = [];
  for (const plan of plans) {
    const sums = await trainer.accumulate(plan.batch, plan.loss);
    cases.push({ ...plan, sums, gradient: trainer.waiting() });
    // Drops the gradient, and leaves the weights.
    await trainer.step({ learningRate: 0, gradientClip: 1 });
  }
  const logits = Array.from({ length: VOCABULARY }, (_, token) => trainer.after(token)).flat();
  return { vocabulary: VOCABULARY, logits, cases };
}

/** Sequences with masks, weights that aren't 1, advantages of both signs, and old and rollout log-probabilities that are apart, or absent. */
export function batchOf(trainer: FakeTrainer): Batch {
  const random = seededRandom(11);
  return LENGTHS.map((length): Sequence => {
    const tokens = Array.from({ length }, () => Math.floor(random() * VOCABULARY));
    const each = (value: (at: number) => number) => tokens.map((_, at) => (at === 0 ? 0 : value(at)));
    const oldLogprobs = each(
      (at) => (trainer.after(tokens[at - 1] ?? 0)[tokens[at] ?? 0] ?? 0) + 1.6 * (random() - 0.5),
    );
    return {
      tokens,
      weights: each(() => (random() < 0.25 ? 0 : random() < 0.5 ? 1 : 2 * random())),
      advantages: each(() => 3 * (random() - 0.5)),
      oldLogprobs,
      rolloutLogprobs: oldLogprobs.map((value, at) =>
        at === 0 || random() < 0.2 ? Number.NaN : value + 0.8 * (random() - 0.5),
      ),
    };
  });
}
