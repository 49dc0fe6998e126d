import { Type } from 'typebox';
import { Selection } from '../../src/index.js';

const text = (description: string) => Type.String({ minLength: 1, description });
const count = (description: string, minimum = 1) => Type.Integer({ minimum, description });
const positive = (description: string) => Type.Number({ exclusiveMinimum: 0, description });
/** One of some words. */
export const oneOf = <const T extends readonly string[]>(words: T, description?: string) =>
  Type.Union(
    words.map((word) => Type.Literal(word as T[number])),
    { description: description ?? `one of ${words.join(', ')}` },
  );

/** Whose problems. */
export const DatasetSection = Type.Object({
  name: text('an alias, a Hugging Face id or a path'),
  split: Type.Optional(text('a split of the dataset')),
  revision: Type.Optional(text('a revision on the hub')),
  profile: Type.Optional(text('a grading profile')),
  selection: Selection,
});

/** What is trained, and how it fits into memory. */
export const ModelSection = Type.Object({
  folder: Type.Optional(
    text('a folder in the format of Hugging Face transformers, or a name that the trainer knows'),
  ),
  config: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: 'a configuration of transformers, to be initialised at random',
    }),
  ),
  tokenizer: Type.Optional(text('the folder of the tokenizer, with `config`')),
  yarn: Type.Optional(Type.Number({ minimum: 1, description: 'a YaRN factor of 1 or more' })),
  loraRank: Type.Optional(count('a rank of 1 or more')),
  loraAlpha: Type.Optional(positive('a number over 0')),
  checkpointing: Type.Boolean({ description: 'true or false' }),
  microBatchTokens: count('most tokens computed at once'),
});

/** Who computes. */
export const TrainerSection = Type.Object({
  kind: oneOf(['local', 'tinker']),
  python: Type.Optional(text('the Python of the trainer')),
  processes: count('processes on this machine, one for each device'),
  contextParallel: Type.Optional(count('processes that share the tokens of each sequence')),
  url: Type.Optional(text('the Tinker service')),
  server: Type.Optional(
    Type.Union([Type.Literal('hosted'), Type.Literal('skyrl_train'), Type.Literal('skyrl_jax')], {
      description: 'which Tinker service it is: hosted, skyrl_train or skyrl_jax',
    }),
  ),
  /** Of `skyrl_jax`: what an optimiser step is filled up to. */
  sequencesPerStep: Type.Optional(count('episodes')),
});

/** Who samples. */
export const PolicySection = Type.Object({
  kind: oneOf(['embedded', 'vllm', 'tinker']),
  url: Type.Optional(text('an OpenAI-compatible endpoint')),
  model: Type.Optional(text("the model's name there")),
  sync: oneOf(['reload', 'transfer'], 'how vLLM gets new weights: reload or transfer'),
  maxTokens: count('most tokens of one turn'),
  calls: Type.Optional(count('requests at once')),
});

/** What an episode is. */
export const EpisodeSection = Type.Object({
  scaffold: oneOf(['tools', 'bash']),
  turns: count('most turns'),
  contextTokens: count('most tokens'),
  commandSeconds: positive('seconds'),
  episodeSeconds: positive('seconds'),
  observationChars: count('most characters'),
  gradeUnsubmitted: Type.Boolean({ description: 'true or false' }),
  sandboxes: Type.Optional(count('episodes that have a sandbox at once')),
  gradings: Type.Optional(count('gradings at once')),
  /** The run ends where more of an iteration has no score: then the machine must be mended. */
  maxUnscorable: Type.Number({ minimum: 0, maximum: 1, description: 'a share from 0 to 1' }),
});

/** AdamW. */
export const OptimizerSection = Type.Object({
  learningRate: positive('a number over 0'),
  warmupSteps: count('optimiser steps', 0),
  beta1: Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'from 0, below 1' }),
  beta2: Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'from 0, below 1' }),
  eps: positive('a number over 0'),
  weightDecay: Type.Number({ minimum: 0, description: '0 or more' }),
  gradientClip: positive('a number over 0'),
});

/** Where it goes. */
export const OutputSection = Type.Object({
  folder: text('a folder'),
  checkpointEvery: count('optimiser steps (rft) or iterations (dapo)'),
  keepCheckpoints: count('how many'),
});

/** Both kinds of training have these. */
export const COMMON_SECTIONS = {
  dataset: DatasetSection,
  model: ModelSection,
  trainer: TrainerSection,
  policy: PolicySection,
  episode: EpisodeSection,
  seed: Type.Integer({ minimum: 0, description: 'a whole number from 0' }),
  output: OutputSection,
};
