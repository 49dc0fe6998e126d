import { AssayError } from '../../../src/index.js';
import { policyTokens } from '../loss-sums.js';
import type { Batch, Loss, Sequence } from '../trainer.js';

interface Tensor {
  readonly data: readonly number[];
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly [number];
}

/** A sequence as the protocol has it: inputs without the last token, targets without the first, and one number for each target. */
export interface Datum {
  readonly model_input: {
    readonly chunks: readonly [{ readonly type: 'encoded_text'; readonly tokens: readonly number[] }];
  };
  readonly loss_fn_inputs: Readonly<Record<string, Tensor>>;
}

export interface ForwardInput {
  readonly data: readonly Datum[];
  readonly loss_fn: string;
  readonly loss_fn_config?: Readonly<Record<string, number>>;
}

/** How a server reduces a step: by the sum, or by means that a factor for each sequence takes back. */
export type Reduction = 'sum' | { readonly sequencesPerStep: number };

/** Sequences that predict something; the others change nothing and have no log-probabilities. */
export function predicting(batch: Batch): Batch {
  return batch.filter(({ tokens }) => tokens.length > 1);
}

/** Where parts of a batch begin and end, of at most so many tokens and 1,024 sequences (as the SDK has it); a longer sequence is alone. */
export function chunksOf(batch: Batch, mostTokens: number): readonly (readonly [number, number])[] {
  const chunks: [number, number][] = [];
  let room = 0;
  for (const [index, { tokens }] of batch.entries()) {
    const chunk = chunks.at(-1);
    if (chunk === undefined || tokens.length > room || index - chunk[0] === 1024) {
      chunks.push([index, index + 1]);
      room = mostTokens;
    } else chunk[1] = index + 1;
    room -= tokens.length;
  }
  return chunks;
}

/** Asks for log-probabilities alone. */
export function scoring(batch: Batch): ForwardInput {
  return { loss_fn: 'cross_entropy', data: batch.map((sequence) => datum(sequence, { weights: () => 0 })) };
}

/** The loss sum of slope x log p: its gradient is that of any loss with these slopes. */
export function linear(
  batch: Batch,
  slopes: readonly ArrayLike<number>[],
  reduction: Reduction,
): ForwardInput {
  const weight = (index: number, at: number) => -(slopes[index]?.[at] ?? 0);
  if (reduction === 'sum') {
    const data = batch.map((sequence, index) => datum(sequence, { weights: (at) => weight(index, at) }));
    return { loss_fn: 'cross_entropy', data };
  }
  // A mean divides by the sum of the weights, which so can't say how much a sequence counts.
  const data = batch.map((sequence, index) => {
    const scale = scaleOf(sequence, reduction);
    return datum(sequence, { advantages: (at) => scale * weight(index, at), logprobs: () => 0 });
  });
  return { loss_fn: 'cispo', loss_fn_config: { clip_low_threshold: 1, clip_high_threshold: 1 }, data };
}

/** The server's own policy loss; weights, tis and normaliser are in the advantages, which is the same as long as they are positive. Bounds are of the ratio itself. */
export function policy(
  batch: Batch,
  loss: Extract<Loss, { kind: 'policy' }>,
  reduction: Reduction,
): ForwardInput {
  const data = batch.map((sequence) => {
    const advantages = new Float64Array(sequence.tokens.length);
    const old = new Float64Array(sequence.tokens.length);
    for (const token of policyTokens(sequence, loss).tokens) {
      advantages[token.at] = token.factor * token.advantage * scaleOf(sequence, reduction);
      old[token.at] = token.old;
    }
    return datum(sequence, { advantages: (at) => advantages[at] ?? 0, logprobs: (at) => old[at] ?? 0 });
  });
  const high = 1 + loss.clipHigh;
  return loss.surrogate === 'clip'
    ? {
        loss_fn: 'ppo',
        loss_fn_config: { clip_low_threshold: 1 - loss.clipLow, clip_high_threshold: high },
        data,
      }
    : { loss_fn: 'cispo', loss_fn_config: { clip_low_threshold: 0, clip_high_threshold: high }, data };
}

/** Throws `trainer_refused` where a loss of the server would bound the other side: for weights that aren't positive in the end. */
export function checkSigns(batch: Batch, normalizer: number): void {
  for (const [index, { weights }] of batch.entries())
    for (const [at, weight] of weights.entries())
      if (weight / normalizer < 0)
        throw new AssayError(
          'trainer_refused',
          `sequence ${index}, token ${at}: the clip of a Tinker server bounds the wrong side of a weight of ${weight} with a normaliser of ${normalizer}; gradients: client computes it`,
        );
}

/** Sequences without a loss, which count in a mean. */
export function filling(count: number): ForwardInput {
  const nothing: Sequence = { tokens: [0, 0], weights: [0, 0] };
  return linear(Array(count).fill(nothing), [], { sequencesPerStep: 1 });
}

/** Without weights in a request, all targets count in the mean over a sequence. */
function scaleOf({ tokens }: Sequence, reduction: Reduction): number {
  return reduction === 'sum' ? 1 : (tokens.length - 1) * reduction.sequencesPerStep;
}

/** Places of what is given are those of the sequence: that of the first target is 1. */
function datum({ tokens }: Sequence, inputs: Readonly<Record<string, (at: number) => number>>): Datum {
  const targets = tokens.slice(1);
  const shape = [targets.length] as const;
  const tensors = Object.entries(inputs).map(([name, value]): [string, Tensor] => [
    name,
    { data: targets.map((_, index) => short(value(index + 1))), dtype: 'float32', shape },
  ]);
  return {
    model_input: { chunks: [{ type: 'encoded_text', tokens: tokens.slice(0, -1) }] },
    loss_fn_inputs: {
      target_tokens: { data: targets, dtype: 'int64', shape },
      ...Object.fromEntries(tensors),
    },
  };
}

/** Nine digits are all of a float32, and half the bytes of a double. */
function short(value: number): number {
  return Number(value.toPrecision(9));
}

/** The log-probabilities in a result, in the places of their sequences. Throws `trainer_failed` where they aren't there. */
export function logprobsIn(result: unknown, batch: Batch): readonly Float32Array[] {
  const outputs = (result as { loss_fn_outputs?: readonly { logprobs?: { data?: unknown } }[] })
    .loss_fn_outputs;
  return batch.map(({ tokens }, index) => {
    const data = outputs?.[index]?.logprobs?.data;
    if (!Array.isArray(data) || data.length !== tokens.length - 1)
      throw new AssayError(
        'trainer_failed',
        `the Tinker server gave ${Array.isArray(data) ? data.length : 'no'} log-probabilities for a sequence of ${tokens.length} tokens`,
      );
    // null stands for NaN in what pydantic writes.
    return Float32Array.from([0, ...data.map((value) => (typeof value === 'number' ? value : Number.NaN))]);
  });
}
