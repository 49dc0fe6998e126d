import type { EvalArgs } from './run-flags.js';

/** The model and how it is sampled. */
export const POLICY_FLAGS = {
  model: { type: 'string', demandOption: true, desc: 'Name of the model at the endpoint' },
  'base-url': {
    type: 'string',
    demandOption: true,
    desc: 'OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000/v1; its key is read from ASSAY_API_KEY',
  },
  mode: {
    choices: ['chat', 'token'] as const,
    desc: 'token: sampled token ids and log-probabilities are kept, nothing is tokenised twice; default: chat, token with --training',
  },
  training: {
    type: 'boolean',
    default: false,
    desc: 'Rollouts to train on: refused unless the server confirms plain temperature-1 sampling',
  },
  temperature: { type: 'number', desc: 'Default: 1 with --training, else 0.6' },
  'top-p': { type: 'number', default: 1, desc: 'Sent always, also the neutral value; so are the next three' },
  'top-k': { type: 'number', default: -1, desc: '-1: off' },
  'min-p': { type: 'number', default: 0, desc: '0: off' },
  'repetition-penalty': { type: 'number', default: 1, desc: '1: off' },
  'max-tokens': { type: 'number', default: 4096, desc: 'Most tokens of one turn' },
  seed: { type: 'number', desc: 'Sent with each request' },
  'standard-only': {
    type: 'boolean',
    default: false,
    desc: "Leave out top_k, min_p and repetition_penalty, which OpenAI's own service refuses",
  },
  'stall-timeout': {
    type: 'string',
    default: '240',
    desc: "Longest silence of the model's server; then the request is sent again",
  },
  'model-retries': { type: 'number', default: 8, desc: 'Further tries of a request, within 15 minutes' },
  'price-in': { type: 'number', desc: 'US dollars per million prompt tokens' },
  'price-out': { type: 'number', desc: 'US dollars per million sampled tokens' },
} as const;

/** What an episode is. */
export const EPISODE_FLAGS = {
  samples: { alias: 'G', type: 'number', default: 1, desc: 'Episodes of each instance' },
  scaffold: { choices: ['tools', 'bash'] as const, default: 'tools', desc: 'Tools that the model is given' },
  demonstration: {
    type: 'boolean',
    default: false,
    desc: 'Show a solved example first, as when sampling a base model',
  },
  turns: { type: 'number', default: 40, desc: 'Most turns of an episode' },
  context: { type: 'number', default: 65536, desc: 'Most tokens of an episode' },
  'command-timeout': { type: 'string', default: '90', desc: 'Time of one command' },
  'episode-timeout': {
    type: 'string',
    default: '1h',
    desc: 'Time of an episode: of the model and its commands, waits in queues left out',
  },
  'observation-chars': { type: 'number', default: 16000, desc: 'Most characters of one observation' },
  'grade-unsubmitted': {
    type: 'boolean',
    default: true,
    desc: 'The diff of an episode that met a limit without submit is its patch',
  },
} as const;

/** How many things are done at once. */
export const QUEUE_FLAGS = {
  'model-calls': { type: 'number', desc: 'Requests to the model at once; default: as many as episodes' },
  eval: { type: 'boolean', default: false, desc: 'Grade each episode as it ends, and report Pass@1' },
  gradings: { type: 'number', desc: 'Gradings at once; default min(0.75 x cores, free memory / 4 GiB)' },
  'stop-group': {
    type: 'number',
    desc: 'With --eval: end the other episodes of an instance once this many are resolved; Pass@1 is no estimate then',
  },
} as const;

type Flags<
  T extends Readonly<Record<string, { readonly type?: string; readonly choices?: readonly string[] }>>,
> = {
  readonly [K in keyof T]?: T[K] extends { readonly choices: readonly (infer C)[] }
    ? C
    : T[K] extends { readonly type: 'number' }
      ? number
      : T[K] extends { readonly type: 'boolean' }
        ? boolean
        : string;
};

type RolloutFlags = Flags<typeof POLICY_FLAGS & typeof EPISODE_FLAGS & typeof QUEUE_FLAGS>;

/** The flags of `assay rollout`, as yargs gives them; `workers` counts episodes. */
export type RolloutArgs = Omit<EvalArgs, 'model'> & RolloutFlags;

/** Where the model is and how it is reached may change from one start of a run to the next. */
const OF_THE_SERVER: readonly string[] = ['base-url', 'stall-timeout', 'model-retries'];

/** All that decides what an episode is. */
export const ROLLOUT_DEFINING: readonly string[] = [
  ...Object.keys(POLICY_FLAGS).filter((name) => !OF_THE_SERVER.includes(name)),
  ...Object.keys(EPISODE_FLAGS),
  'eval',
  'stop-group',
];
