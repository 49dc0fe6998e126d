import type { Batch, Loss, LossSums, PolicyLoss, Sequence } from './trainer.js';

/** Beyond it a ratio says nothing but that something is wrong, and its exponential overflows. */
const LOG_RATIO_LIMIT = 20;

/** A token with a weight, and what came with it. */
export interface PolicyToken {
  /** Its place in its sequence. */
  readonly at: number;
  /** Weight x tis / normaliser: what its surrogate is multiplied by, no gradient. */
  readonly factor: number;
  readonly advantage: number;
  readonly old: number;
  readonly rollout: number;
  readonly isCapped: boolean;
}

/** The tokens of a sequence that a policy loss is over, and how many are left out as what came with them is not finite. */
export function policyTokens(
  { weights, advantages, oldLogprobs, rolloutLogprobs }: Sequence,
  { normalizer, tisCap }: PolicyLoss & { readonly normalizer: number },
): { readonly tokens: readonly PolicyToken[]; readonly nonFinite: number } {
  const tokens: PolicyToken[] = [];
  let nonFinite = 0;
  for (const [at, weight] of weights.entries()) {
    if (weight === 0) continue;
    const advantage = advantages?.[at] ?? Number.NaN;
    const old = oldLogprobs?.[at] ?? Number.NaN;
    const rollout = rolloutLogprobs?.[at] ?? Number.NaN;
    // NaN says that there is none.
    const isWhole = [advantage, old, Number.isNaN(rollout) ? 0 : rollout].every(Number.isFinite);
    if (!isWhole) {
      nonFinite++;
      continue;
    }
    const mismatch = Number.isNaN(rollout) ? 0 : Math.exp(limited(old - rollout));
    const isCapped = tisCap !== undefined && mismatch > tisCap;
    const tis = Number.isNaN(rollout) || tisCap === undefined ? 1 : Math.min(mismatch, tisCap);
    const factor = (weight * tis) / normalizer;
    tokens.push({ at, factor, advantage, old, rollout, isCapped });
  }
  return { tokens, nonFinite };
}

/** A loss and how it changes with each log-probability. */
export interface LossParts {
  readonly sums: LossSums;
  /** dL / d log p of each token of each sequence; 0 where it has no weight. Its product with the gradient of log p is that of the loss. */
  readonly slopes: readonly Float64Array[];
}

/** What the formulas of trainer.ts make of log-probabilities that are known: for trainers that don't say it themselves. The entropy is 0, as nothing tells it. */
export function lossParts(batch: Batch, logprobs: readonly ArrayLike<number>[], loss: Loss): LossParts {
  const parts = batch.map((sequence, index) => {
    const present = logprobs[index] ?? [];
    return loss.kind === 'policy'
      ? policyParts(sequence, present, loss)
      : crossEntropyParts(sequence, present, loss.normalizer);
  });
  return { sums: sumOf(parts.map((part) => part.sums)), slopes: parts.map((part) => part.slopes) };
}

/** Adds up what was found of the parts of a batch. */
export function sumOf(parts: readonly LossSums[]): LossSums {
  const total: Mutable = { ...NOTHING };
  for (const part of parts)
    for (const name of Object.keys(total) as (keyof LossSums)[]) total[name] += part[name];
  return total;
}

type Mutable = { -readonly [Name in keyof LossSums]: number };

const NOTHING: LossSums = {
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

interface SequenceParts {
  readonly sums: LossSums;
  readonly slopes: Float64Array;
}

function crossEntropyParts(
  { weights }: Sequence,
  logprobs: ArrayLike<number>,
  normalizer: number,
): SequenceParts {
  const slopes = Float64Array.from(weights, (weight) => -weight / normalizer);
  let loss = 0;
  let tokens = 0;
  for (const [at, weight] of weights.entries()) {
    if (weight === 0) continue;
    tokens++;
    loss -= (weight * at0(logprobs, at)) / normalizer;
  }
  return { sums: { ...NOTHING, loss, tokens }, slopes };
}

function policyParts(
  sequence: Sequence,
  logprobs: ArrayLike<number>,
  loss: Extract<Loss, { kind: 'policy' }>,
): SequenceParts {
  const { tokens, nonFinite } = policyTokens(sequence, loss);
  const differences = tokens.map(({ at, old }) => at0(logprobs, at) - old);
  const mean = differences.reduce((sum, difference) => sum + limited(difference), 0) / tokens.length;
  const sums: Mutable = { ...NOTHING, tokens: tokens.length, nonFinite };
  const slopes = new Float64Array(sequence.weights.length);
  let shared = 0;
  for (const [index, token] of tokens.entries()) {
    const present = at0(logprobs, token.at);
    const difference = differences[index] ?? 0;
    const logRatio = limited(difference);
    const ratio = Math.exp(loss.ratioLevel === 'token' ? logRatio : mean);
    const { objective, byRatio, byLogprob } = surrogate(ratio, token.advantage, present, loss);
    sums.loss -= token.factor * objective;
    slopes[token.at] = -token.factor * byLogprob;
    // The clamp of the log ratio has no gradient beyond its limit.
    if (loss.ratioLevel === 'sequence') shared -= token.factor * byRatio * ratio;
    else if (logRatio === difference) slopes[token.at] = -token.factor * (byLogprob + byRatio * ratio);
    sums.ratio += ratio;
    sums.klOld += k3(logRatio);
    const isClip = loss.surrogate === 'clip';
    if (isClip && ratio < 1 - loss.clipLow && token.advantage < 0) sums.clippedLow++;
    if (ratio > 1 + loss.clipHigh && token.advantage > 0) sums.clippedHigh++;
    if (isClip && ratio > (loss.dualClip ?? Number.POSITIVE_INFINITY) && token.advantage < 0)
      sums.clippedDual++;
    if (Number.isNaN(token.rollout)) continue;
    const mismatch = limited(token.old - token.rollout);
    sums.mismatchTokens++;
    sums.mismatchKl += k3(mismatch);
    sums.mismatchAbs += Math.abs(mismatch);
    if (token.isCapped) sums.tisCapped++;
  }
  for (const [index, token] of tokens.entries()) {
    const difference = differences[index] ?? 0;
    if (loss.ratioLevel === 'sequence' && limited(difference) === difference)
      slopes[token.at] = (slopes[token.at] ?? 0) + shared / tokens.length;
  }
  return { sums, slopes };
}

/** What a token's surrogate is, and how it changes with its ratio and, beside that, with its log-probability. */
function surrogate(
  ratio: number,
  advantage: number,
  logprob: number,
  { surrogate: kind, clipLow, clipHigh, dualClip }: PolicyLoss,
): { readonly objective: number; readonly byRatio: number; readonly byLogprob: number } {
  const high = 1 + clipHigh;
  if (kind === 'cispo') {
    const weight = Math.min(ratio, high) * advantage;
    return { objective: weight * logprob, byRatio: 0, byLogprob: weight };
  }
  const clipped = Math.min(Math.max(ratio, 1 - clipLow), high) * advantage;
  const plain = ratio * advantage;
  // Within the bounds both are the same, and the gradient is there.
  const objective = Math.min(plain, clipped);
  if (dualClip !== undefined && advantage < 0 && objective < dualClip * advantage)
    return { objective: dualClip * advantage, byRatio: 0, byLogprob: 0 };
  return { objective, byRatio: plain <= clipped ? advantage : 0, byLogprob: 0 };
}

function at0(values: ArrayLike<number>, at: number): number {
  return values[at] ?? Number.NaN;
}

function limited(logRatio: number): number {
  return Math.min(Math.max(logRatio, -LOG_RATIO_LIMIT), LOG_RATIO_LIMIT);
}

/** r - 1 - log r, an estimate of KL(q || p) for r = p / q of samples of q (http://joschu.net/blog/kl-approx.html). */
function k3(logRatio: number): number {
  return Math.expm1(logRatio) - logRatio;
}
