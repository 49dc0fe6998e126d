import { type Static, Type } from 'typebox';

/** Why no command could be taken from a turn: its observation says so, it counts, and training leaves it out of the loss. */
export const FormatError = Type.Union([Type.Literal('no_command'), Type.Literal('several_commands')]);
export type FormatError = Static<typeof FormatError>;

/** All that decides how tokens are drawn; neutral values are said, too, as servers have defaults of their own. */
export const Decoding = Type.Object({
  temperature: Type.Number({ minimum: 0 }),
  topP: Type.Number(),
  /** -1: off. */
  topK: Type.Integer(),
  minP: Type.Number(),
  repetitionPenalty: Type.Number(),
  presencePenalty: Type.Number(),
  frequencyPenalty: Type.Number(),
  maxTokens: Type.Integer({ minimum: 1 }),
  seed: Type.Optional(Type.Integer()),
  stop: Type.Optional(Type.Array(Type.String())),
});
export type Decoding = Static<typeof Decoding>;

/** Tokens and cost of one answer, or of an episode. */
export const Usage = Type.Object({
  promptTokens: Type.Integer({ minimum: 0 }),
  completionTokens: Type.Integer({ minimum: 0 }),
  /** US dollars, where prices are known. */
  cost: Type.Optional(Type.Number()),
});
export type Usage = Static<typeof Usage>;

/** A message as the policy gets it. */
export const Message = Type.Object({
  role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant')]),
  content: Type.String(),
});
export type Message = Static<typeof Message>;

/** The whole sequence is `contextIds` and `sampledIds` of all turns, one after the other: no text is tokenised twice. */
export const TurnTokens = Type.Object({
  /** What came since the end of the last turn's `sampledIds`; of the first turn, the whole prompt. */
  contextIds: Type.Array(Type.Integer()),
  sampledIds: Type.Array(Type.Integer()),
  /** One for each of `sampledIds`: natural logarithm of its probability in the distribution that it was drawn from. */
  logprobs: Type.Array(Type.Number()),
});
export type TurnTokens = Static<typeof TurnTokens>;

/** One action of the policy and what it was answered. */
export const Turn = Type.Object({
  /** From 1. */
  index: Type.Integer({ minimum: 1 }),
  /** The model's text as it came. */
  response: Type.String(),
  /** What its command block held; null with a format error. */
  command: Type.Union([Type.String(), Type.Null()]),
  formatError: Type.Optional(FormatError),
  /** What the model is shown next; empty after `submit`. */
  observation: Type.String(),
  /** Of a shell command; null: killed. */
  exitCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  isTimeout: Type.Optional(Type.Boolean()),
  /** How much was cut out of the observation. */
  truncatedChars: Type.Optional(Type.Integer()),
  finishReason: Type.Union([Type.Literal('stop'), Type.Literal('length')]),
  decoding: Decoding,
  /** What the server said that it sampled with; null: it didn't say. */
  confirmed: Type.Union([Decoding, Type.Null()]),
  weightVersion: Type.Optional(Type.String()),
  usage: Usage,
  tokens: Type.Optional(TurnTokens),
  seconds: Type.Object({ policy: Type.Number(), command: Type.Number() }),
});
export type Turn = Static<typeof Turn>;

/** What an episode may take; meeting one ends it. */
export const EpisodeLimits = Type.Object({
  turns: Type.Integer({ minimum: 1 }),
  /** Prompt and answers together. */
  contextTokens: Type.Integer({ minimum: 1 }),
  /** Of one command; it is killed, and the episode goes on. */
  commandSeconds: Type.Number(),
  episodeSeconds: Type.Number(),
  /** A longer observation is clipped; that ends nothing. */
  observationChars: Type.Integer({ minimum: 1 }),
  /** The diff of an episode that met a limit without `submit` is graded. */
  gradeUnsubmitted: Type.Boolean(),
});
export type EpisodeLimits = Static<typeof EpisodeLimits>;

/** What is known of an episode when it begins. */
export const Episode = Type.Object({
  schemaVersion: Type.Literal(1),
  /** `<instance id>#<sample>` */
  episodeId: Type.String(),
  instanceId: Type.String(),
  /** From 1. */
  sample: Type.Integer({ minimum: 1 }),
  model: Type.String(),
  /** `name@version` */
  scaffold: Type.String(),
  demonstration: Type.Boolean(),
  mode: Type.Union([Type.Literal('chat'), Type.Literal('token')]),
  purpose: Type.Union([Type.Literal('eval'), Type.Literal('training')]),
  rowHash: Type.String(),
  prompt: Type.Array(Message),
  limits: EpisodeLimits,
  startedAt: Type.String(),
});
export type Episode = Static<typeof Episode>;

/** How an episode ended; `sandbox_broken`: its own commands left nothing to work in. `policy_error` and `sandbox_error` are never the model's fault and have no score. */
export const EpisodeEnd = Type.Union([
  Type.Literal('submitted'),
  Type.Literal('turn_limit'),
  Type.Literal('context_limit'),
  Type.Literal('episode_timeout'),
  Type.Literal('sandbox_broken'),
  Type.Literal('stopped_early'),
  Type.Literal('policy_error'),
  Type.Literal('sandbox_error'),
]);
export type EpisodeEnd = Static<typeof EpisodeEnd>;

/** How an episode ended, with the patch it left. */
export const EpisodeResult = Type.Object({
  end: EpisodeEnd,
  detail: Type.Optional(Type.String()),
  /** Null: there is nothing to grade. */
  patch: Type.Union([Type.String(), Type.Null()]),
  turns: Type.Integer({ minimum: 0 }),
  usage: Usage,
  /** Of the policy and of commands; waits in queues are left out. */
  seconds: Type.Number(),
  /** Of the sandbox in which it ended. */
  imageDigest: Type.Optional(Type.String()),
  finishedAt: Type.String(),
});
export type EpisodeResult = Static<typeof EpisodeResult>;

/** An episode with all its turns, in order. */
export interface Trajectory {
  readonly episode: Episode;
  readonly turns: readonly Turn[];
  /** Absent while it runs, or where it was interrupted. */
  readonly result?: EpisodeResult;
}

/** A line of `trajectories/<instance id>.jsonl.gz`. */
export const TrajectoryLine = Type.Union([
  Type.Object({ type: Type.Literal('episode'), ...Episode.properties }),
  Type.Object({ type: Type.Literal('turn'), episodeId: Type.String(), ...Turn.properties }),
  Type.Object({ type: Type.Literal('result'), episodeId: Type.String(), ...EpisodeResult.properties }),
]);
export type TrajectoryLine = Static<typeof TrajectoryLine>;
