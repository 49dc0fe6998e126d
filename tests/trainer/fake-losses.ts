import type { Loss, LossSums, PolicyLoss, Sequence } from '../../plugins/trainer/trainer.js';

/** Beyond it a log-ratio is cut, and has no gradient. */
const LIMIT = 20;

/** What the model says of a sequence's tokens. */
export interface Scored {
  readonly sequence: Sequence;
  readonly logprobs: readonly number[];
  readonly entropies: readonly number[];
}

export interface Evaluated {
  readonly sums: LossSums;
  /** For each sequence, for each token: the derivative of the loss by its log-probability. */
  readonly gradients: readonly (readonly number[])[];
}

/** The losses of trainer.ts with derivatives by hand, for tests: written from its words alone, not from the Python trainer. */
export function evaluate(loss: Loss, batch: readonly Scored[]): Evaluated {
  const parts = batch.map((scored) => {
    const { used, nonFinite } = tokensOf(loss, scored.sequence);
    const part = loss.kind === 'policy' ? policy(loss, scored, used) : crossEntropy(loss, scored, used);
    return { ...part, sums: { ...part.sums, nonFinite } };
  });
  return { sums: added(parts.map(({ sums }) => sums)), gradients: parts.map(({ gradients }) => gradients) };
}

/** Sums of parts of a batch are those of the whole. */
export function added(parts: readonly LossSums[]): LossSums {
  const total = { ...NOTHING };
  for (const part of parts)
    for (const name of Object.keys(total) as (keyof LossSums)[]) total[name] += part[name];
  return total;
}

const NOTHING: { -readonly [Name in keyof LossSums]: number } = {
  loss: 0,
  tokens: 0,
  entropy: 0,
  ratio: 0,
  clippedLow: 0,
  clippedHigh: 0,
  clippedDual: 0,
  klOld: 0,
  mismatchKl: 0,
  mismatchAbs: 0,
  mismatchTokens: 0,
  tisCapped: 0,
  nonFinite: 0,
};

interface Part {
  readonly sums: LossSums;
  readonly gradients: readonly number[];
}

function tokensOf(loss: Loss, sequence: Sequence): { used: readonly number[]; nonFinite: number } {
  const weighted = sequence.weights.flatMap((weight, at) => (weight === 0 ? [] : [at]));
  if (loss.kind === 'cross_entropy') return { used: weighted, nonFinite: 0 };
  const { advantages = [], oldLogprobs = [], rolloutLogprobs } = sequence;
  const used = weighted.filter(
    (at) =>
      Number.isFinite(advantages[at]) &&
      Number.isFinite(oldLogprobs[at]) &&
      // NaN says that there is none.
      (rolloutLogprobs === undefined ||
        Number.isFinite(rolloutLogprobs[at]) ||
        Number.isNaN(rolloutLogprobs[at])),
  );
  return { used, nonFinite: weighted.length - used.length };
}

function crossEntropy(
  { normalizer }: Loss,
  { sequence, logprobs, entropies }: Scored,
  used: readonly number[],
): Part {
  const gradients = sequence.tokens.map(() => 0);
  let [loss, entropy] = [0, 0];
  for (const at of used) {
    const weight = number(sequence.weights[at]);
    loss -= (weight * number(logprobs[at])) / normalizer;
    entropy += number(entropies[at]);
    gradients[at] = -weight / normalizer;
  }
  return { sums: { ...NOTHING, loss, entropy, tokens: used.length }, gradients };
}

function policy(
  loss: PolicyLoss & { readonly normalizer: number },
  { sequence, logprobs, entropies }: Scored,
  used: readonly number[],
): Part {
  const sums = { ...NOTHING, tokens: used.length };
  const gradients = sequence.tokens.map(() => 0);
  const apart = used.map((at) => number(logprobs[at]) - number(sequence.oldLogprobs?.[at]));
  const logRatios = apart.map(cut);
  const mean = logRatios.reduce((sum, value) => sum + value, 0) / Math.max(used.length, 1);
  /** By the logarithm of the token's ratio, which is its own or the sequence's. */
  const slopes = used.map((at, i) => {
    const [weight, advantage] = [number(sequence.weights[at]), number(sequence.advantages?.[at])];
    const ratio = Math.exp(loss.ratioLevel === 'token' ? number(logRatios[i]) : mean);
    const tis = importance(loss, sequence, at, sums);
    const { value, byRatio, byLogprob } = surrogate(loss, ratio, advantage, number(logprobs[at]));
    const factor = (-weight * tis) / loss.normalizer;
    sums.loss += factor * value;
    sums.entropy += number(entropies[at]);
    sums.ratio += ratio;
    sums.klOld += k3(number(logRatios[i]));
    sums.clippedHigh += count(ratio > 1 + loss.clipHigh && advantage > 0);
    if (loss.surrogate === 'clip') {
      sums.clippedLow += count(ratio < 1 - loss.clipLow && advantage < 0);
      sums.clippedDual += count(loss.dualClip !== undefined && ratio > loss.dualClip && advantage < 0);
    }
    gradients[at] = factor * byLogprob;
    return factor * byRatio * ratio;
  });
  const total = slopes.reduce((sum, slope) => sum + slope, 0);
  used.forEach((at, i) => {
    const slope = loss.ratioLevel === 'token' ? number(slopes[i]) : total / used.length;
    if (Math.abs(number(apart[i])) <= LIMIT) gradients[at] = number(gradients[at]) + slope;
  });
  return { sums, gradients };
}

function surrogate(
  { surrogate, clipLow, clipHigh, dualClip }: PolicyLoss,
  ratio: number,
  advantage: number,
  logprob: number,
): { value: number; byRatio: number; byLogprob: number } {
  if (surrogate === 'cispo') {
    const factor = Math.min(ratio, 1 + clipHigh) * advantage;
    return { value: factor * logprob, byRatio: 0, byLogprob: factor };
  }
  const clipped = Math.min(Math.max(ratio, 1 - clipLow), 1 + clipHigh);
  const least = dualClip !== undefined && advantage < 0 ? dualClip * advantage : Number.NEGATIVE_INFINITY;
  const lower = Math.min(ratio * advantage, clipped * advantage);
  const isClipped = clipped !== ratio && clipped * advantage <= ratio * advantage;
  return {
    value: Math.max(lower, least),
    byRatio: isClipped || least > lower ? 0 : advantage,
    byLogprob: 0,
  };
}

function importance(
  { tisCap }: PolicyLoss,
  { oldLogprobs, rolloutLogprobs }: Sequence,
  at: number,
  sums: typeof NOTHING,
): number {
  const rollout = rolloutLogprobs?.[at] ?? Number.NaN;
  if (Number.isNaN(rollout)) return 1;
  const apart = cut(number(oldLogprobs?.[at]) - rollout);
  sums.mismatchKl += k3(apart);
  sums.mismatchAbs += Math.abs(apart);
  sums.mismatchTokens += 1;
  if (tisCap === undefined) return 1;
  sums.tisCapped += count(Math.exp(apart) > tisCap);
  return Math.min(Math.exp(apart), tisCap);
}

const cut = (value: number) => Math.min(Math.max(value, -LIMIT), LIMIT);
const k3 = (logRatio: number) => Math.expm1(logRatio) - logRatio;
const count = (is: boolean) => (is ? 1 : 0);

function number(value: number | undefined): number {
  if (value === undefined) throw new Error('an array of the batch is too short');
  return value;
}
