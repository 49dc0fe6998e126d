import type { Trajectory } from '../../src/index.js';
import { sumOf } from '../trainer/loss-sums.js';
import { allTurns, sequenceOf } from '../trainer/samples.js';
import { learningRate } from '../trainer/schedule.js';
import type { LossSums, PolicyLoss, Sequence, Stepped, Trainer } from '../trainer/trainer.js';
import type { DapoConfig } from './config.js';
import { groupTokens, lossNorm } from './loss-norm.js';
import type { Sample } from './signal.js';

export interface LearnedStep {
  readonly episodes: number;
  readonly learningRate: number;
  readonly sums: LossSums;
  readonly gradientNorm: Stepped['gradientNorm'];
  readonly weightVersion: string;
}

interface LearnOptions {
  /** The episodes of each optimiser step; none is empty. */
  readonly steps: readonly (readonly Sample[])[];
  /** Optimiser steps of the run before these. */
  readonly stepsBefore: number;
  readonly trainer: Trainer;
  readonly algorithm: DapoConfig['algorithm'];
  readonly optimizer: DapoConfig['optimizer'];
  /** Reads episodes of these instances; they are held only while their step is computed. */
  readonly trajectories: (instanceIds: ReadonlySet<string>) => AsyncIterable<Trajectory>;
  readonly onStep: (step: LearnedStep, index: number) => Promise<void>;
}

/** Most tokens of one message to the trainer, of which it computes as many at once as its memory takes. */
const MESSAGE_TOKENS = 2_000_000;

/**
 * The optimiser steps of an iteration. The ratio of all is to the weights at its beginning: their log-probabilities are asked for before the first step. Stops
 * after a step whose gradient is not finite.
 */
export async function learn(options: LearnOptions): Promise<readonly LearnedStep[]> {
  const { steps, trainer, algorithm, optimizer } = options;
  const read = reader(options.trajectories);
  const old = new Map<string, Float32Array>();
  const tokens = new Map<string, number>();
  for (const samples of steps)
    for (const part of parts(await read(samples.filter(({ episodeId }) => !old.has(episodeId))))) {
      const { logprobs } = await trainer.logprobs(part.map(({ sequence }) => sequence));
      for (const [at, { sample, sequence }] of part.entries()) {
        old.set(sample.episodeId, logprobs[at] as Float32Array);
        tokens.set(sample.episodeId, sequence.weights.filter((weight) => weight > 0).length);
      }
    }
  const sized = (samples: readonly Sample[]) =>
    samples.map(({ instanceId, episodeId }) => ({ instanceId, tokens: tokens.get(episodeId) ?? 0 }));
  const distinct = new Map(steps.flat().map((sample) => [sample.episodeId, sample]));
  const norm = {
    constant: algorithm.constantLength ?? 1,
    groups: groupTokens(sized([...distinct.values()])),
  };
  const learned: LearnedStep[] = [];
  for (const [index, samples] of steps.entries()) {
    const { weights, normalizer } = lossNorm(sized(samples), algorithm.lossNorm, norm);
    const weightOf = new Map(samples.map((sample, at) => [sample, weights[at] ?? 0]));
    const loss = { kind: 'policy', normalizer, ...policyLoss(algorithm) } as const;
    const parted: LossSums[] = [];
    for (const part of parts(await read(samples))) {
      const batch = part.map(({ sample, sequence }) => ({
        ...sequence,
        weights: sequence.weights.map((weight) => weight * (weightOf.get(sample) ?? 0)),
        advantages: sequence.weights.map((weight) => (weight > 0 ? sample.advantage : 0)),
        oldLogprobs: Array.from(old.get(sample.episodeId) ?? []),
      }));
      parted.push(await trainer.accumulate(batch, loss));
    }
    const rate = learningRate(options.stepsBefore + index, Number.POSITIVE_INFINITY, {
      peak: optimizer.learningRate,
      warmupSteps: optimizer.warmupSteps,
      decay: 'constant',
    });
    const stepped = await trainer.step({ learningRate: rate, gradientClip: optimizer.gradientClip });
    const step = { episodes: samples.length, learningRate: rate, sums: sumOf(parted), ...stepped };
    await options.onStep(step, index);
    learned.push(step);
    if (step.gradientNorm === null) break;
  }
  return learned;
}

/** The part of the settings that the trainer is told. */
export function policyLoss(algorithm: DapoConfig['algorithm']): PolicyLoss {
  const { clipLow, clipHigh, ratioLevel, surrogate, dualClip, tisCap } = algorithm;
  return {
    ...{ clipLow, clipHigh, ratioLevel, surrogate },
    ...(dualClip === undefined ? {} : { dualClip }),
    ...(tisCap === undefined ? {} : { tisCap }),
  };
}

interface Read {
  readonly sample: Sample;
  readonly sequence: Sequence;
}

/** Reads the sequences of samples from the disk; those asked for last are kept, as an iteration of one step asks twice. */
function reader(trajectories: LearnOptions['trajectories']) {
  let last: { readonly key: string; readonly found: readonly Read[] } | undefined;
  return async (samples: readonly Sample[]): Promise<readonly Read[]> => {
    const key = samples.map(({ episodeId }) => episodeId).join(' ');
    if (last?.key === key) return last.found;
    const sequences = new Map<string, Sequence>();
    const wanted = new Set(samples.map(({ episodeId }) => episodeId));
    for await (const trajectory of trajectories(new Set(samples.map(({ instanceId }) => instanceId)))) {
      const { episodeId } = trajectory.episode;
      if (wanted.has(episodeId)) sequences.set(episodeId, sequenceOf(trajectory, allTurns));
    }
    const found = samples.map((sample) => ({
      sample,
      sequence: sequences.get(sample.episodeId) as Sequence,
    }));
    last = { key, found };
    return found;
  };
}

/** As few messages to the trainer as their size allows; none is empty. */
function parts(all: readonly Read[]): readonly (readonly Read[])[] {
  const found: Read[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const one of all) {
    const { length } = one.sequence.tokens;
    if (size + length > MESSAGE_TOKENS) {
      found.push([]);
      size = 0;
    }
    found.at(-1)?.push(one);
    size += length;
  }
  return found;
}
