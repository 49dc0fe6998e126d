import { AssayError } from '../errors.js';
import type { Failure, ScoreRequest } from '../model/score.js';
import { type RewardInputs, type RewardRule, rewardOf } from '../reward/rewards.js';
import type { Answer } from './oracle.js';

/** How a request turns verdicts into rewards. */
export interface Rewarding {
  readonly rule: RewardRule;
  readonly inputs: RewardInputs;
}

/** Throws `bad_request` for a reward that the service doesn't have, or that can't use what the request says. */
export function rewardingOf(request: ScoreRequest, rewards: ReadonlyMap<string, RewardRule>): Rewarding {
  const { reward: name = 'resolved', strict = true, turns, max_turns, turn_threshold } = request;
  const rule = rewards.get(name);
  if (rule === undefined)
    throw new AssayError('bad_request', `no reward ${name}; there are ${[...rewards.keys()].join(', ')}`);
  const inputs = {
    strict,
    ...(turns === undefined ? {} : { turns }),
    ...(max_turns === undefined ? {} : { maxTurns: max_turns }),
    ...(turn_threshold === undefined ? {} : { turnThreshold: turn_threshold }),
  };
  rule.check?.(inputs);
  return { rule, inputs };
}

/** A body on the wire: JSON. */
export interface Body {
  readonly json: Buffer;
  /** Set where the client should ask again. */
  readonly isRetryable: boolean;
}

/** The `ScoreResponse` of an answer. The verdict, its largest part, is kept as it is sent. */
export function bodyOf(
  answer: Answer,
  { rule, inputs }: Rewarding,
  { key, totalSeconds }: { readonly key: string; readonly totalSeconds: number },
): Body {
  const { verdict, cached, queueSeconds } = answer;
  const given =
    verdict === null
      ? { status: 'unscorable', reward: null, failure: answer.failure }
      : rewardOf(verdict, rule.value, inputs);
  const timings = { total: totalSeconds, queue: queueSeconds, ...(cached ? {} : verdict?.seconds) };
  const head = JSON.stringify({ ...given, timings, key, cached }).slice(0, -1);
  return {
    json: Buffer.concat([Buffer.from(head), answer.tail]),
    isRetryable: given.failure?.retryable === true,
  };
}

/** The body for a client that would not wait until there was an answer. */
export function lateBody(
  seconds: number,
  { key, phase }: { readonly key: string; readonly phase: string },
): Body {
  const failure: Failure = {
    class: 'infra',
    code: 'late',
    phase,
    message: `no verdict within the deadline of ${seconds} s; the grading goes on`,
    retryable: true,
    attempts: 0,
  };
  const rest = { verdict: null, tests: null, timings: { total: seconds }, key, cached: false };
  return {
    json: Buffer.from(JSON.stringify({ status: 'unscorable', reward: null, failure, ...rest })),
    isRetryable: true,
  };
}
