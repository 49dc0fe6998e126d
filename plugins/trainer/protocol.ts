import { type Static, type TSchema, Type } from 'typebox';
import { AssayError, cut, type ErrorCode, isObject, schemaFault } from '../../src/index.js';
import type {
  Hello,
  Loaded,
  LoadOptions,
  Loss,
  LossSums,
  Saved,
  StepOptions,
  Stepped,
  Synced,
  SyncTarget,
} from './trainer.js';
import type { Offer } from './vllm.js';

/**
 * JSON lines between this process and the trainer: requests `{id, op, ...}` go to its stdin, answers `{id, ok, result}` or `{id, ok, error}`
 * come from its stdout, one for each request and in their order. Names are in snake_case there; each message is spelled out here once.
 */
export const OPS = ['hello', 'load', 'logprobs', 'accumulate', 'step', 'save', 'sync', 'stop'] as const;
export type Op = (typeof OPS)[number];

const Count = Type.Integer({ minimum: 0 });
const Text = Type.String();

export const WireFile = Type.Object({ path: Text, sha256: Text });
export type WireFile = Static<typeof WireFile>;

const WireHello = Type.Object({
  protocol: Type.Literal(1),
  device: Text,
  dtype: Type.Union([Type.Literal('float32'), Type.Literal('bfloat16')]),
  processes: Type.Integer({ minimum: 1 }),
  capabilities: Type.Object({
    losses: Type.Array(Type.Union([Type.Literal('cross_entropy'), Type.Literal('policy')])),
    ratio_levels: Type.Array(Type.Union([Type.Literal('token'), Type.Literal('sequence')])),
    entropy: Type.Boolean(),
    context_parallel: Type.Boolean(),
    lora: Type.Boolean(),
    sync: Type.Array(
      Type.Union([Type.Literal('embedded'), Type.Literal('vllm_reload'), Type.Literal('vllm_transfer')]),
    ),
  }),
  versions: Type.Record(Text, Type.Union([Text, Type.Null()])),
});

const WireLoaded = Type.Object({
  weight_version: Text,
  parameters: Count,
  vocabulary: Count,
  context: Count,
  /** Of the checkpoint: the next one is higher. */
  last_seq: Type.Optional(Type.Union([Count, Type.Null()])),
});

const WireScores = Type.Object({ file: WireFile });

const WireSums = Type.Object({
  loss: Type.Number(),
  tokens: Count,
  entropy: Type.Number(),
  ratio: Type.Number(),
  clipped_low: Count,
  clipped_high: Count,
  clipped_dual: Count,
  kl_old: Type.Number(),
  mismatch_kl: Type.Number(),
  mismatch_abs: Type.Number(),
  mismatch_tokens: Count,
  tis_capped: Count,
  non_finite: Count,
});

const WireStepped = Type.Object({
  gradient_norm: Type.Union([Type.Number(), Type.Null()]),
  weight_version: Text,
});

const WireSaved = Type.Object({
  weight_version: Text,
  files: Type.Array(Type.Object({ name: Text, bytes: Count, sha256: Text })),
});

const WireSynced = Type.Object({ weight_version: Text, url: Text });

const WireWritten = Type.Object({ weight_version: Text });

const WireOffer = Type.Object({
  weight_version: Text,
  unique_id: Text,
  names: Type.Array(Text),
  dtype_names: Type.Array(Text),
  shapes: Type.Array(Type.Array(Count)),
});

/** What the answer to `load` says: also the last number of a mutating call that the checkpoint knows. */
export interface LoadAnswer {
  readonly loaded: Loaded;
  readonly lastSeq: number | null;
}

/** Result of `hello`. Like all of these, it throws `trainer_failed` for what the protocol doesn't know. */
export function helloOf(result: unknown): Hello {
  const { capabilities, ...rest } = checked(result, WireHello, 'hello');
  const { ratio_levels, context_parallel, ...more } = capabilities;
  return {
    ...rest,
    capabilities: { ...more, ratioLevels: ratio_levels, contextParallel: context_parallel },
  };
}

/** Result of `load`. */
export function loadedOf(result: unknown): LoadAnswer {
  const { weight_version, last_seq, ...rest } = checked(result, WireLoaded, 'load');
  return { loaded: { weightVersion: weight_version, ...rest }, lastSeq: last_seq ?? null };
}

/** Result of `logprobs`: the file with the scores. */
export function scoresFileOf(result: unknown): WireFile {
  return checked(result, WireScores, 'logprobs').file;
}

/** Result of `accumulate`. */
export function sumsOf(result: unknown): LossSums {
  const wire = checked(result, WireSums, 'accumulate');
  return {
    loss: wire.loss,
    tokens: wire.tokens,
    entropy: wire.entropy,
    ratio: wire.ratio,
    clippedLow: wire.clipped_low,
    clippedHigh: wire.clipped_high,
    clippedDual: wire.clipped_dual,
    klOld: wire.kl_old,
    mismatchKl: wire.mismatch_kl,
    mismatchAbs: wire.mismatch_abs,
    mismatchTokens: wire.mismatch_tokens,
    tisCapped: wire.tis_capped,
    nonFinite: wire.non_finite,
  };
}

/** Result of `step`. */
export function steppedOf(result: unknown): Stepped {
  const { gradient_norm, weight_version } = checked(result, WireStepped, 'step');
  return { gradientNorm: gradient_norm, weightVersion: weight_version };
}

/** Result of `save`. */
export function savedOf(result: unknown): Saved {
  const { weight_version, files } = checked(result, WireSaved, 'save');
  return { weightVersion: weight_version, files };
}

/** Result of `sync` with the embedded server. */
export function syncedOf(result: unknown): Synced {
  const { weight_version, url } = checked(result, WireSynced, 'sync');
  return { weightVersion: weight_version, url };
}

/** Result of `sync` with a folder, and of the parts of a transfer: the weight version. */
export function writtenOf(result: unknown): string {
  return checked(result, WireWritten, 'sync').weight_version;
}

/** Result of `sync` with `nccl_open`. */
export function offerOf(result: unknown): Offer {
  const { weight_version, unique_id, dtype_names, ...rest } = checked(result, WireOffer, 'sync');
  return { ...rest, weightVersion: weight_version, uniqueId: unique_id, dtypeNames: dtype_names };
}

/** What `sync` does in the trainer. What concerns vLLM alone stays here (vllm.ts). */
export type WireTarget =
  | Extract<SyncTarget, { kind: 'embedded' }>
  /** Writes the model, as transformers and vLLM read it. */
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'nccl_open' }
  | { readonly kind: 'nccl_join'; readonly world_size: number }
  | { readonly kind: 'nccl_send' };

/** Members of a request; those that are undefined are left out when it is written. */
export type Members = Readonly<Record<string, unknown>>;

/** Members of `load`. Those of a model's configuration are Hugging Face's, as they are. */
export function loadMembers(options: LoadOptions): Members {
  const { optimizer, microBatchTokens, ...rest } = options;
  const { betas, eps, weightDecay } = optimizer;
  return {
    ...rest,
    optimizer: { betas, eps, weight_decay: weightDecay },
    micro_batch_tokens: microBatchTokens,
  };
}

/** The member `loss` of `accumulate`. */
export function lossMembers(loss: Loss): Members {
  if (loss.kind === 'cross_entropy') return { kind: loss.kind, normalizer: loss.normalizer };
  return {
    kind: loss.kind,
    normalizer: loss.normalizer,
    clip_low: loss.clipLow,
    clip_high: loss.clipHigh,
    ratio_level: loss.ratioLevel,
    surrogate: loss.surrogate,
    dual_clip: loss.dualClip,
    tis_cap: loss.tisCap,
  };
}

/** Members of `step`. */
export function stepMembers({ learningRate, gradientClip }: StepOptions): Members {
  return { learning_rate: learningRate, gradient_clip: gradientClip };
}

/** One line of stdin. Throws `internal` for numbers that JSON doesn't have, which would arrive as null. */
export function requestLine(id: number, op: Op, members: Members): string {
  const text = JSON.stringify({ id, op, ...members }, (name, value) => {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new AssayError('internal', `the trainer was to be sent ${value} as "${name}" of ${op}`);
    return value;
  });
  return `${text}\n`;
}

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: AssayError };

const WireError = Type.Object({ code: Text, message: Text, retryable: Type.Boolean() });

/** What a line of stdout answers to the request `id`. Throws `trainer_failed` where it is no answer to it. */
export function answerOf(line: string, id: number, op: Op): Answer {
  const said = () => `the trainer was asked for ${op} and said ${JSON.stringify(cut(line, 200))}`;
  let answer: unknown;
  try {
    answer = JSON.parse(line);
  } catch (error) {
    throw new AssayError('trainer_failed', `${said()}, which is no JSON`, { cause: error });
  }
  if (!isObject(answer) || typeof answer['ok'] !== 'boolean')
    throw new AssayError('trainer_failed', `${said()}, which is no answer`);
  if (answer['id'] !== id) throw new AssayError('trainer_failed', `${said()}; the request is ${id}`);
  if (answer['ok']) return { ok: true, result: answer['result'] };
  const { code, message } = checked(answer['error'], WireError, op);
  return { ok: false, error: new AssayError(CODES[code] ?? 'trainer_failed', `${op}: ${message} (${code})`) };
}

/** Our codes for the trainer's. A request that it can't read, or that comes out of turn, is a defect of ours. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  bad_request: 'internal',
  unknown_op: 'internal',
  not_loaded: 'internal',
  seq_conflict: 'internal',
  bad_batch: 'trainer_refused',
  model_unreadable: 'trainer_refused',
  unsupported: 'trainer_refused',
  checkpoint_broken: 'checkpoint_broken',
  out_of_memory: 'trainer_out_of_memory',
  disk_full: 'disk_full',
  non_finite: 'trainer_non_finite',
  internal: 'trainer_failed',
};

function checked<T extends TSchema>(value: unknown, schema: T, op: Op): Static<T> {
  const fault = schemaFault(value, schema);
  if (fault === undefined) return value as Static<T>;
  throw new AssayError(
    'trainer_failed',
    `the trainer's answer to ${op} is not what the protocol says: ${fault}`,
  );
}
