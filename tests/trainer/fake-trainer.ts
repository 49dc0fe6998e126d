import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packed } from '../../plugins/trainer/batch-file.js';
import type { Op } from '../../plugins/trainer/protocol.js';
import type { AdamW, Batch, LoadOptions, Trainer } from '../../plugins/trainer/trainer.js';
import { AssayError, seededRandom, sha256, writeAtomic } from '../../src/index.js';
import { evaluate, type Scored } from './fake-losses.js';

/** Largest context, which a bigram has no use for. */
const CONTEXT = 2 ** 20;
const FILE = 'bigram.json';

/** All that a checkpoint holds. */
interface State {
  readonly vocabulary: number;
  /** Logits, row by row: [token before, token]. */
  readonly logits: number[];
  readonly mean: number[];
  readonly square: number[];
  steps: number;
}

export interface FakeOptions {
  /** Of the policy server that `sync` brings the weights to. */
  readonly url?: string;
  /** Called before anything is done, from 1 for each operation; what it throws ends the trainer, as a process that died. */
  readonly before?: (op: Op, count: number) => void;
}

export interface FakeTrainer extends Trainer {
  /** Logarithms of the probabilities of what comes after a token, under the present weights. */
  after(token: number): readonly number[];
  /** Of the gradients that wait for a step, row by row. */
  waiting(): readonly number[];
}

/**
 * A trainer for tests without Python: a softmax policy on a table of logits [token before, token], losses and AdamW by hand, in float64. `load` takes
 * `{ config: { vocabulary } }` (logits from the seed; `spread`, default 1, is the largest) or a folder of `save`.
 */
export function fakeTrainer({ url = 'http://127.0.0.1:9/v1', before }: FakeOptions = {}): FakeTrainer {
  let state: State | undefined;
  let adam: AdamW | undefined;
  let gradient: number[] | undefined;
  let failure: { readonly error: unknown } | undefined;
  const over = new AbortController();
  const counts = new Map<Op, number>();
  const does = async <T>(op: Op, work: () => T | Promise<T>): Promise<T> => {
    if (failure !== undefined) throw failure.error;
    counts.set(op, (counts.get(op) ?? 0) + 1);
    try {
      before?.(op, counts.get(op) ?? 0);
    } catch (error) {
      failure = { error };
      over.abort(error);
      throw error;
    }
    return work();
  };
  const loaded = (): State => {
    if (state === undefined) throw new AssayError('internal', 'nothing is loaded (not_loaded)');
    return state;
  };
  const version = () => String(loaded().steps);
  const checkTokens = (batch: Batch) => {
    const { vocabulary } = loaded();
    batch.forEach(({ tokens }, at) => {
      const far = tokens.find((token) => token >= vocabulary);
      if (far !== undefined)
        throw new AssayError('trainer_refused', `sequence ${at} of the batch: token ${far} of ${vocabulary}`);
    });
  };
  return {
    after: (token) => rowOf(loaded(), token).logprobs,
    waiting: () => gradient ?? loaded().logits.map(() => 0),
    hello: () =>
      does('hello', () => ({
        protocol: 1,
        device: 'none',
        dtype: 'float32',
        processes: 1,
        capabilities: {
          losses: ['cross_entropy', 'policy'],
          ratioLevels: ['token', 'sequence'],
          entropy: true,
          contextParallel: false,
          lora: false,
          sync: ['embedded', 'vllm_reload', 'vllm_transfer'],
        },
        versions: { bigram: '1' },
      })),
    load: (options) =>
      does('load', async () => {
        const folder = options.resume ?? ('folder' in options.model ? options.model.folder : undefined);
        const read = folder === undefined ? initial(options) : await readState(folder);
        state = options.resume === undefined ? fresh(read) : read;
        adam = options.optimizer;
        gradient = undefined;
        const { vocabulary, logits } = state;
        return { weightVersion: version(), parameters: logits.length, vocabulary, context: CONTEXT };
      }),
    logprobs: (batch) =>
      does('logprobs', () => {
        packed(batch);
        checkTokens(batch);
        const scored = batch.map((sequence) => scoredBy(loaded(), sequence));
        return {
          logprobs: scored.map(({ logprobs }) => Float32Array.from(logprobs)),
          entropies: scored.map(({ entropies }) => Float32Array.from(entropies)),
        };
      }),
    accumulate: (batch, loss) =>
      does('accumulate', () => {
        packed(batch, loss.kind);
        checkTokens(batch);
        const now = loaded();
        const scored = batch.map((sequence) => scoredBy(now, sequence));
        const { sums, gradients } = evaluate(loss, scored);
        if (!Number.isFinite(sums.loss)) {
          gradient = undefined;
          throw new AssayError('trainer_non_finite', 'accumulate: the loss is not finite (non_finite)');
        }
        gradient ??= now.logits.map(() => 0);
        batch.forEach((sequence, at) => {
          addGradient(now, sequence.tokens, gradients[at] ?? [], gradient ?? []);
        });
        return sums;
      }),
    step: ({ learningRate, gradientClip }) =>
      does('step', () => {
        if (gradient === undefined) throw new AssayError('internal', 'step: nothing waits (bad_request)');
        const norm = Math.hypot(...gradient);
        const scale = norm > gradientClip ? gradientClip / norm : 1;
        if (Number.isFinite(norm) && adam !== undefined)
          applyAdam(loaded(), adam, { learningRate, gradient: gradient.map((value) => value * scale) });
        gradient = undefined;
        return { gradientNorm: Number.isFinite(norm) ? norm : null, weightVersion: version() };
      }),
    save: (folder) =>
      does('save', async () => {
        const text = JSON.stringify(loaded());
        await mkdir(folder, { recursive: true });
        await writeAtomic(join(folder, FILE), text);
        const files = [{ name: FILE, bytes: Buffer.byteLength(text), sha256: sha256(text) }];
        return { weightVersion: version(), files };
      }),
    sync: () => does('sync', () => ({ weightVersion: version(), url })),
    over: over.signal,
    stop: async () => {
      failure ??= { error: new AssayError('trainer_failed', 'the trainer was stopped') };
    },
  };
}

function initial({ model, seed }: LoadOptions): State {
  if ('folder' in model) throw new Error('a folder is read');
  const { vocabulary, spread = 1 } = model.config as { vocabulary: number; spread?: number };
  const random = seededRandom(seed);
  const logits = Array.from({ length: vocabulary ** 2 }, () => spread * (2 * random() - 1));
  return fresh({ vocabulary, logits, mean: [], square: [], steps: 0 });
}

/** The weights alone, with an optimiser that knows nothing. */
function fresh({ vocabulary, logits }: State): State {
  return { vocabulary, logits, mean: logits.map(() => 0), square: logits.map(() => 0), steps: 0 };
}

async function readState(folder: string): Promise<State> {
  try {
    return JSON.parse(await readFile(join(folder, FILE), 'utf8')) as State;
  } catch (error) {
    throw new AssayError('checkpoint_broken', `load: ${join(folder, FILE)} (checkpoint_broken)`, {
      cause: error,
    });
  }
}

function rowOf({ vocabulary, logits }: State, token: number): { logprobs: number[]; entropy: number } {
  const row = logits.slice(token * vocabulary, (token + 1) * vocabulary);
  const most = Math.max(...row);
  const total = most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  const logprobs = row.map((logit) => logit - total);
  return { logprobs, entropy: -logprobs.reduce((sum, value) => sum + Math.exp(value) * value, 0) };
}

function scoredBy(state: State, sequence: Batch[number]): Scored {
  const rows = sequence.tokens.map((_, at) =>
    at === 0 ? undefined : rowOf(state, sequence.tokens[at - 1] ?? 0),
  );
  return {
    sequence,
    logprobs: rows.map((row, at) => row?.logprobs[sequence.tokens[at] ?? 0] ?? 0),
    entropies: rows.map((row) => row?.entropy ?? 0),
  };
}

/** By a log-probability: 1 at the token's own logit, less the probability of each. */
function addGradient(
  state: State,
  tokens: readonly number[],
  gradients: readonly number[],
  total: number[],
): void {
  tokens.forEach((token, at) => {
    const factor = gradients[at] ?? 0;
    if (at === 0 || factor === 0) return;
    const before = tokens[at - 1] ?? 0;
    rowOf(state, before).logprobs.forEach((logprob, other) => {
      const place = before * state.vocabulary + other;
      total[place] = (total[place] ?? 0) + factor * ((other === token ? 1 : 0) - Math.exp(logprob));
    });
  });
}

/** AdamW (arXiv 1711.05101) as torch does it. */
function applyAdam(
  state: State,
  { betas: [b1, b2], eps, weightDecay }: AdamW,
  { learningRate, gradient }: { readonly learningRate: number; readonly gradient: readonly number[] },
): void {
  state.steps += 1;
  const [unbias1, unbias2] = [1 - b1 ** state.steps, 1 - b2 ** state.steps];
  gradient.forEach((slope, i) => {
    const mean = b1 * (state.mean[i] ?? 0) + (1 - b1) * slope;
    const square = b2 * (state.square[i] ?? 0) + (1 - b2) * slope ** 2;
    const decayed = (state.logits[i] ?? 0) * (1 - learningRate * weightDecay);
    state.logits[i] = decayed - (learningRate * mean) / unbias1 / (Math.sqrt(square / unbias2) + eps);
    state.mean[i] = mean;
    state.square[i] = square;
  });
}
