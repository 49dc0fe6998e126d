import { AssayError } from '../../../src/index.js';
import { lossParts } from '../loss-sums.js';
import type { AdamW, Batch, Loss, LossSums, StepOptions, Stepped } from '../trainer.js';
import type { Members } from './connection.js';
import {
  checkSigns,
  chunksOf,
  type ForwardInput,
  filling,
  linear,
  logprobsIn,
  policy,
  predicting,
  type Reduction,
  scoring,
} from './datums.js';
import { Fault } from './fault.js';
import type { OpenModel } from './model.js';
import { checkClip, checkLoss, type Gradients, type Powers, type TinkerServer } from './servers.js';

export interface TrainingOptions {
  readonly model: OpenModel;
  readonly server: TinkerServer;
  readonly powers: Powers;
  readonly gradients: Gradients;
  readonly optimizer: AdamW;
  readonly chunkTokens: number;
  /** Count of the steps that made the weights. */
  readonly version: number;
}

/** A model that is loaded: the part of the trainer that computes. */
export interface Training {
  version(): string;
  logprobs(batch: Batch): Promise<readonly Float32Array[]>;
  accumulate(batch: Batch, loss: Loss): Promise<LossSums>;
  step(options: StepOptions): Promise<Stepped>;
  /** Saves under a new name and gives the path that the server has for it. */
  save(path: 'save_weights' | 'save_weights_for_sampler'): Promise<string>;
}

const INPUTS = { forward: 'forward_input', forward_backward: 'forward_backward_input' } as const;

/** Trains a model that was just made or restored. */
export function trainingOf(options: TrainingOptions): Training {
  const { model, server, powers, gradients, chunkTokens } = options;
  const reduction: Reduction =
    server.kind === 'skyrl_jax' ? { sequencesPerStep: server.sequencesPerStep } : 'sum';
  let version = options.version;
  /** Sent since the last step. */
  let sequences = 0;
  let saves = 0;

  const forward = async (path: keyof typeof INPUTS, input: ForwardInput) => {
    const members = { [INPUTS[path]]: input };
    return model.send(path, members, path === 'forward');
  };
  /** Sends the chunks one after the other, then waits for their results: a server computes them together where it can. */
  const pass = async (
    path: keyof typeof INPUTS,
    batch: Batch,
    input: (chunk: Batch, from: number, to: number) => ForwardInput,
  ): Promise<readonly Float32Array[]> => {
    const waiting: (() => Promise<readonly Float32Array[]>)[] = [];
    for (const [from, to] of chunksOf(batch, chunkTokens)) {
      const chunk = batch.slice(from, to);
      const result = await forward(path, input(chunk, from, to));
      waiting.push(async () => logprobsIn(await result(), chunk));
    }
    const logprobs: Float32Array[] = [];
    for (const wait of waiting) logprobs.push(...(await wait()));
    return logprobs;
  };
  const passSlopes = (batch: Batch, slopes: readonly Float64Array[]) =>
    pass('forward_backward', batch, (chunk, from, to) => linear(chunk, slopes.slice(from, to), reduction));

  const count = (more: number) => {
    if (reduction !== 'sum' && sequences + more > reduction.sequencesPerStep)
      throw new AssayError(
        'trainer_refused',
        `${sequences + more} sequences in a step: sequencesPerStep of the server is ${reduction.sequencesPerStep}`,
      );
    sequences += more;
  };
  const broken = (words: string) => {
    model.fail(`${words}, and the protocol has no way to take that back`);
    return new AssayError('trainer_non_finite', words);
  };
  const finite = (sums: LossSums): LossSums => {
    if (Number.isFinite(sums.loss)) return sums;
    throw broken(`the loss was ${sums.loss}`);
  };

  return {
    version: () => String(version),
    async logprobs(batch) {
      const scores = [...(await pass('forward', predicting(batch), scoring))];
      return batch.map(({ tokens }) => {
        const found = tokens.length > 1 ? scores.shift() : undefined;
        return found ?? new Float32Array(tokens.length);
      });
    },
    async accumulate(whole, loss) {
      checkLoss(loss, server, powers, gradients);
      const batch = predicting(whole);
      if (loss.kind === 'policy' && gradients === 'server') checkSigns(batch, loss.normalizer);
      if (loss.kind === 'policy' && gradients === 'client') {
        const { sums, slopes } = lossParts(batch, await pass('forward', batch, scoring), loss);
        finite(sums);
        count(batch.length);
        await passSlopes(batch, slopes);
        return sums;
      }
      count(batch.length);
      const logprobs =
        loss.kind === 'policy'
          ? await pass('forward_backward', batch, (chunk) => policy(chunk, loss, reduction))
          : await passSlopes(batch, crossEntropySlopes(batch, loss.normalizer));
      return finite(lossParts(batch, logprobs, loss).sums);
    },
    async step({ learningRate, gradientClip }) {
      checkClip({ gradientClip }, server, powers);
      const missing = reduction === 'sum' ? 0 : reduction.sequencesPerStep - sequences;
      if (missing > 0) await (await forward('forward_backward', filling(missing)))();
      const { betas, eps, weightDecay } = options.optimizer;
      const adam = {
        learning_rate: learningRate,
        beta1: betas[0],
        beta2: betas[1],
        eps,
        weight_decay: weightDecay,
      };
      const clip = { grad_clip_norm: Number.isFinite(gradientClip) ? gradientClip : 0 };
      const adam_params = powers.takesGradientClip ? { ...adam, ...clip } : adam;
      const result = await model.send('optim_step', { adam_params, type: 'optim_step' });
      const gradientNorm = normIn(await result());
      sequences = 0;
      if (gradientNorm === null && server.kind !== 'skyrl_train') throw broken('the gradient was not finite');
      // SkyRL's FSDP backend drops such a gradient by itself.
      if (gradientNorm !== null) version++;
      return { gradientNorm, weightVersion: String(version) };
    },
    async save(path) {
      const named = () => ({ path: `step${version}-${++saves}`, type: path });
      const wait = await model.send(path, named(), true).catch((error) => {
        // The answer to a first try was lost: SkyRL has the name by then, and says so before it looks at the number.
        if (error instanceof AssayError && error.cause instanceof Fault && error.cause.kind === 409)
          return model.send(path, named(), true);
        throw error;
      });
      const saved = (await wait())['path'];
      if (typeof saved === 'string') return saved;
      throw new AssayError('trainer_failed', `${path}: the Tinker server answered without a path`);
    },
  };
}

function crossEntropySlopes(batch: Batch, normalizer: number): readonly Float64Array[] {
  return batch.map(({ weights }) => Float64Array.from(weights, (weight) => -weight / normalizer));
}

/** SkyRL says `skyrl.ai/grad_norm`. NaN where nothing is said, null for what isn't a number: JSON has no other way to say NaN. */
function normIn({ metrics }: Members): number | null {
  const found = Object.entries(metrics ?? {}).find(([name]) => name.includes('grad_norm'));
  if (found === undefined) return Number.NaN;
  return typeof found[1] === 'number' && Number.isFinite(found[1]) ? found[1] : null;
}
