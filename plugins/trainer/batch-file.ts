import { readFile } from 'node:fs/promises';
import { AssayError, messageOf, sha256, writeAtomic } from '../../src/index.js';
import type { WireFile } from './protocol.js';
import { float32Tensors, safetensorsParts, type Tensors } from './safetensors.js';
import type { Batch, Loss, Sequence, TokenScores } from './trainer.js';

/** What a sequence may bring beside tokens and weights, by its name in the file. */
const STREAMS = {
  advantages: 'advantages',
  oldLogprobs: 'old_logprobs',
  rolloutLogprobs: 'rollout_logprobs',
} as const;
type Stream = keyof typeof STREAMS;

/** Largest of I32. */
const MAX_ID = 2 ** 31 - 1;

/** Writes a batch, packed, where readers see all of it or nothing. Throws as {@link packed} does. */
export async function writeBatch(path: string, batch: Batch, loss?: Loss['kind']): Promise<WireFile> {
  const bytes = Buffer.concat([...safetensorsParts(packed(batch, loss))]);
  await writeAtomic(path, bytes, { sync: false });
  return { path, sha256: sha256(bytes) };
}

/** The scores that the trainer wrote for a batch, split into its sequences. Throws `trainer_failed` for a file that is not that. */
export async function readScores(file: WireFile, batch: Batch): Promise<TokenScores> {
  const fail = (why: string, cause?: unknown): never => {
    throw new AssayError('trainer_failed', `the trainer's file of log-probabilities ${file.path}: ${why}`, {
      cause,
    });
  };
  const bytes = await readFile(file.path).catch((error) => fail(messageOf(error), error));
  if (sha256(bytes) !== file.sha256) fail(`sha256 is not ${file.sha256}`);
  let tensors: Readonly<Record<string, Float32Array>>;
  try {
    tensors = float32Tensors(bytes);
  } catch (error) {
    return fail(`no safetensors file: ${messageOf(error)}`, error);
  }
  const total = batch.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const { logprobs, entropies } = tensors;
  if (logprobs === undefined) return fail('no "logprobs"');
  for (const scores of [logprobs, entropies])
    if (scores !== undefined && scores.length !== total)
      fail(`${scores.length} scores for a batch of ${total} tokens`);
  const split = (scores: Float32Array) => {
    let end = 0;
    return batch.map(({ tokens }) => {
      end += tokens.length;
      return scores.slice(end - tokens.length, end);
    });
  };
  return { logprobs: split(logprobs), ...(entropies === undefined ? {} : { entropies: split(entropies) }) };
}

/**
 * The tensors of a batch: all sequences one after the other, `cu_seqlens` says where each begins. Throws `trainer_refused` with the index
 * of the sequence for one that can't be computed: lengths that differ, a weight on the first token, weights or ids that are no numbers.
 */
export function packed(batch: Batch, loss?: Loss['kind']): Tensors {
  if (batch.length === 0) throw new AssayError('trainer_refused', 'the batch has no sequence');
  batch.forEach((sequence, at) => {
    const fault = faultOf(sequence, loss);
    if (fault !== undefined) throw new AssayError('trainer_refused', `sequence ${at} of the batch: ${fault}`);
  });
  const ends = Int32Array.from({ length: batch.length + 1 }, () => 0);
  batch.forEach(({ tokens }, at) => {
    ends[at + 1] = (ends[at] ?? 0) + tokens.length;
  });
  const total = ends[batch.length] ?? 0;
  const joined = (numbers: (sequence: Sequence) => readonly number[] | undefined) => {
    const all = new Float32Array(total).fill(Number.NaN);
    batch.forEach((sequence, at) => {
      all.set(numbers(sequence) ?? [], ends[at]);
    });
    return all;
  };
  const ids = new Int32Array(total);
  batch.forEach(({ tokens }, at) => {
    ids.set(tokens, ends[at]);
  });
  const streams = (Object.keys(STREAMS) as Stream[]).filter((name) =>
    batch.some((sequence) => sequence[name] !== undefined),
  );
  return {
    input_ids: ids,
    cu_seqlens: ends,
    weights: joined(({ weights }) => weights),
    ...Object.fromEntries(streams.map((name) => [STREAMS[name], joined((sequence) => sequence[name])])),
  };
}

function faultOf(sequence: Sequence, loss: Loss['kind'] | undefined): string | undefined {
  const { tokens, weights } = sequence;
  if (tokens.length === 0) return 'it has no token';
  const arrays = { weights, ...streamsOf(sequence) };
  for (const [name, numbers] of Object.entries(arrays))
    if (numbers !== undefined && numbers.length !== tokens.length)
      return `${numbers.length} ${name} for ${tokens.length} tokens`;
  if (loss === 'policy')
    for (const name of ['advantages', 'oldLogprobs'] as const)
      if (sequence[name] === undefined) return `a policy loss needs ${name}`;
  const id = tokens.findIndex((token) => !Number.isInteger(token) || token < 0 || token > MAX_ID);
  if (id !== -1) return `token ${id} is ${tokens[id]}, which is no token id`;
  // Also those that are too large for 32 bits.
  const weight = weights.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (weight !== -1) return `the weight of token ${weight} is ${weights[weight]}`;
  if (weights[0] !== 0)
    return `the weight of its first token is ${weights[0]}: nothing comes before it, so that has to be 0`;
  return undefined;
}

function streamsOf({ advantages, oldLogprobs, rolloutLogprobs }: Sequence) {
  return { advantages, oldLogprobs, rolloutLogprobs };
}
