/** What a trainer does. The algorithm is the caller's: weights of tokens, advantages and the normaliser come with each batch. */
export interface Trainer {
  hello(): Promise<Hello>;
  load(options: LoadOptions): Promise<Loaded>;
  /** For each token its log-probability under the present weights, at temperature 1; 0 for the first of a sequence. */
  logprobs(batch: Batch): Promise<TokenScores>;
  /** Adds the gradient of the loss of a batch to those that wait for `step`. */
  accumulate(batch: Batch, loss: Loss): Promise<LossSums>;
  /** Applies what was accumulated, once, and makes new weights. A gradient that is not finite is dropped, and nothing is applied. */
  step(options: StepOptions): Promise<Stepped>;
  /** Weights and optimiser, whole or not at all; an existing checkpoint at that path is replaced. */
  save(folder: string): Promise<Saved>;
  /** Brings the present weights to where rollouts are sampled. */
  sync(target: SyncTarget): Promise<Synced>;
  /** Ends it; what was not saved is lost. */
  stop(): Promise<void>;
  /** Aborted with the trainer's error once it is over, also while nothing is asked of it: an embedded server is over with it. */
  readonly over: AbortSignal;
}

/** Does work that needs the trainer to be there; rejects with the trainer's error where that is why it failed. */
export async function whileThere<T>({ over }: Trainer, work: (over: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await work(over);
  } catch (error) {
    throw over.aborted ? over.reason : error;
  }
}

export interface Hello {
  readonly protocol: 1;
  readonly device: string;
  /** null, here and in {@link Loaded}: the trainer doesn't tell. */
  readonly dtype: 'float32' | 'bfloat16' | null;
  readonly processes: number;
  readonly capabilities: {
    readonly losses: readonly Loss['kind'][];
    readonly ratioLevels: readonly ('token' | 'sequence')[];
    readonly entropy: boolean;
    readonly contextParallel: boolean;
    readonly lora: boolean;
    readonly sync: readonly SyncTarget['kind'][];
  };
  /** Of Python, torch, transformers, CUDA... */
  readonly versions: Readonly<Record<string, string | null>>;
}

export interface AdamW {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

export interface LoadOptions {
  /** A folder in the format of Hugging Face transformers, a name that the trainer knows, or a configuration to be initialised at random from the seed. */
  readonly model:
    | { readonly folder: string }
    | { readonly config: Readonly<Record<string, unknown>>; readonly tokenizer: string };
  readonly optimizer: AdamW;
  readonly seed: number;
  /** A checkpoint of `save`: its weights and its optimiser; `model` is then not read. */
  readonly resume?: string;
  /** Most tokens that are computed at once; a longer sequence is computed alone. */
  readonly microBatchTokens: number;
  /** Absent: all parameters are trained. */
  readonly lora?: { readonly rank: number; readonly alpha: number };
  /** YaRN factor by which the context of the model is stretched. */
  readonly yarn?: number;
  /** Recompute activations in the backward pass. */
  readonly checkpointing: boolean;
}

export interface Loaded {
  readonly weightVersion: string;
  readonly parameters: number | null;
  readonly vocabulary: number | null;
  /** Most positions that the model has. */
  readonly context: number | null;
}

/** A sequence of tokens; all arrays have its length, and describe the token at that place as predicted from those before it. */
export interface Sequence {
  readonly tokens: readonly number[];
  /** Weight of each token's loss; 0: no loss. That of the first token is 0. */
  readonly weights: readonly number[];
  readonly advantages?: readonly number[];
  /** Under the weights that the ratio is taken to. */
  readonly oldLogprobs?: readonly number[];
  /** As the policy server sampled them; NaN where it didn't. */
  readonly rolloutLogprobs?: readonly number[];
}

export type Batch = readonly Sequence[];

/** For each sequence, for each token. */
export interface TokenScores {
  readonly logprobs: readonly Float32Array[];
  /** Of the distribution that the token was drawn from, in nats. Absent: the trainer doesn't give it. */
  readonly entropies?: readonly Float32Array[];
}

export type Loss =
  /** Sum of -weight x log p, divided by `normalizer`. */
  | { readonly kind: 'cross_entropy'; readonly normalizer: number }
  | ({ readonly kind: 'policy'; readonly normalizer: number } & PolicyLoss);

/** Sum of weight x tis x -min(r A, clip(r, 1 - low, 1 + high) A), divided by the normaliser; r = exp(log p - old). */
export interface PolicyLoss {
  readonly clipLow: number;
  readonly clipHigh: number;
  /** `token`: a ratio for each token; `sequence`: the geometric mean of those with a weight (GSPO, arXiv 2507.18071). */
  readonly ratioLevel: 'token' | 'sequence';
  /** `clip`: as above; `cispo`: -min(r, 1 + high) A log p, no gradient through r (arXiv 2506.13585). */
  readonly surrogate: 'clip' | 'cispo';
  /** Where A < 0, the surrogate is at least this times A (arXiv 1912.09729); > 1. */
  readonly dualClip?: number;
  /** Truncated importance sampling: tis = min(exp(old - rollout), cap), no gradient; absent: 1. */
  readonly tisCap?: number;
}

/** Sums over the tokens with a weight, over all sequences and processes: those of parts of a batch add up to those of the whole. */
export interface LossSums {
  /** With the normaliser. */
  readonly loss: number;
  readonly tokens: number;
  readonly entropy: number;
  /** r. */
  readonly ratio: number;
  /** Tokens whose gradient the clip took away: r < 1 - low with A < 0; r > 1 + high with A > 0; r > dual clip with A < 0. */
  readonly clippedLow: number;
  readonly clippedHigh: number;
  readonly clippedDual: number;
  /** Of KL(old || present) by r - 1 - log r (k3). */
  readonly klOld: number;
  /** Of KL(rollout || old) by the same, and of |old - rollout|, over the tokens that have both. */
  readonly mismatchKl: number;
  readonly mismatchAbs: number;
  readonly mismatchTokens: number;
  readonly tisCapped: number;
  /** Tokens left out as a log-probability that came with them is not finite. */
  readonly nonFinite: number;
}

export interface StepOptions {
  readonly learningRate: number;
  /** Largest norm of the gradient over all parameters. */
  readonly gradientClip: number;
}

export interface Stepped {
  /** Before it was clipped; null: it is not finite, and nothing was applied; NaN: the trainer doesn't tell. */
  readonly gradientNorm: number | null;
  readonly weightVersion: string;
}

export interface Saved {
  readonly weightVersion: string;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

export type SyncTarget =
  /** The server inside of the trainer's process: it samples from the trained weights themselves. */
  | { readonly kind: 'embedded'; readonly host: string; readonly port: number; readonly model: string }
  /** vLLM is told to load the weights from a folder that it can read, too. */
  | { readonly kind: 'vllm_reload'; readonly url: string; readonly folder: string }
  /** vLLM's weight-transfer endpoints, over NCCL. */
  | { readonly kind: 'vllm_transfer'; readonly url: string }
  /** A Tinker server brings them to its own sampler; the URL is that of the OpenAI-compatible endpoint in front of it. */
  | { readonly kind: 'tinker'; readonly url: string };

export interface Synced {
  readonly weightVersion: string;
  /** Base URL of an OpenAI-compatible endpoint that samples from these weights. */
  readonly url: string;
  /** What to ask for there; absent: the name doesn't change. */
  readonly model?: string;
}
