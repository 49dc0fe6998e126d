import { type Static, Type } from 'typebox';
import { TestsStatus } from './grading.js';
import { Phase, Verdict } from './verdict.js';

/** As many digits as the URL of a job takes. */
const MOST_TURNS = 999_999_999;

/** What the service is asked: one patch for one instance, and how its verdict becomes a number. Names are those of the wire. */
export const ScoreRequest = Type.Object(
  {
    instance_id: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'an instance id' })),
    instance: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'a row of a known format, where the service takes rows from clients',
      }),
    ),
    patch: Type.Union([Type.String(), Type.Null()], { description: 'a diff, or null' }),
    profile: Type.Optional(Type.String({ maxLength: 64, description: 'a grading profile, e.g. "v5"' })),
    strict: Type.Optional(
      Type.Boolean({ description: 'the strict verdict decides (default), or the official one' }),
    ),
    reward: Type.Optional(Type.String({ maxLength: 64, description: 'a reward by name; "resolved"' })),
    turns: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MOST_TURNS, description: 'turns of the trajectory' }),
    ),
    max_turns: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MOST_TURNS, description: 'most turns that it could take' }),
    ),
    turn_threshold: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_TURNS,
        description: 'turns without a penalty; 10 by default',
      }),
    ),
    deadline: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 86400, description: 'seconds to wait for the answer' }),
    ),
  },
  { additionalProperties: false },
);
export type ScoreRequest = Static<typeof ScoreRequest>;

/** Why there is no reward: the machine, the network or we failed; never the patch. */
export const Failure = Type.Object({
  class: Type.Union([Type.Literal('infra'), Type.Literal('ours')]),
  /** Code of `src/errors.ts`. */
  code: Type.String(),
  phase: Type.String(),
  message: Type.String(),
  retryable: Type.Boolean(),
  attempts: Type.Integer({ minimum: 0 }),
});
export type Failure = Static<typeof Failure>;

/** A reward is a number of a true verdict, or null with the failure that kept it from being found: never 0 for want of a verdict. */
export const Reward = Type.Union([
  Type.Object({ status: Type.Literal('scored'), reward: Type.Number(), failure: Type.Null() }),
  Type.Object({ status: Type.Literal('unscorable'), reward: Type.Null(), failure: Failure }),
]);
export type Reward = Static<typeof Reward>;

/** The answer to a request. */
export const ScoreResponse = Type.Object({
  status: Type.Union([Type.Literal('scored'), Type.Literal('unscorable')]),
  reward: Type.Union([Type.Number(), Type.Null()]),
  failure: Type.Union([Failure, Type.Null()]),
  verdict: Type.Union([Verdict, Type.Null()]),
  tests: Type.Union([TestsStatus, Type.Null()]),
  /** Seconds: `total` in the service, `queue` before its grading began, and those of each phase. */
  timings: Type.Record(Type.String(), Type.Number()),
  /** Names what was asked: sha256 of patch, row, profile, grader and strictness; with the image's digest it is the verdict's own key. */
  key: Type.String(),
  /** The verdict was there before. */
  cached: Type.Boolean(),
});
export type ScoreResponse = Static<typeof ScoreResponse>;

/** Where an asynchronous request stands. */
export const JobState = Type.Object({
  key: Type.String(),
  status: Type.Union([Type.Literal('queued'), Type.Literal('running'), Type.Literal('done')]),
  phase: Type.Optional(Phase),
  /** Where its answer is asked for. */
  url: Type.String(),
});
export type JobState = Static<typeof JobState>;
