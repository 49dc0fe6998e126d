import { AssayError, ERRORS, type ErrorCode } from '../errors.js';
import type { Failure, Reward } from '../model/score.js';
import type { Verdict } from '../model/verdict.js';

/** What a reward is made from beside the verdict. */
export interface RewardInputs {
  /** The strict verdict decides; false: the official one. */
  readonly strict: boolean;
  readonly turns?: number;
  readonly maxTurns?: number;
  /** Default {@link TURN_THRESHOLD}. */
  readonly turnThreshold?: number;
}

/** A pure function from a true verdict, never an `infra_error`, to a finite number. */
export type RewardFunction = (verdict: Verdict, inputs: RewardInputs) => number;

export interface RewardRule {
  /** Throws `bad_request` for inputs that it can't use, before anything is graded. */
  readonly check?: (inputs: RewardInputs) => void;
  readonly value: RewardFunction;
}

/** L_thr of both stages in arXiv 2508.03501, table 3. */
const TURN_THRESHOLD = 10;

const isResolved = (verdict: Verdict, { strict }: RewardInputs): boolean =>
  strict ? verdict.strict?.resolved === true : verdict.outcome === 'resolved';

const resolved: RewardFunction = (verdict, inputs) => (isResolved(verdict, inputs) ? 1 : 0);

/** 1 or -1, as in DAPO (arXiv 2503.14476, equation 7). */
const signed: RewardFunction = (verdict, inputs) => (isResolved(verdict, inputs) ? 1 : -1);

/** Share of FAIL_TO_PASS that passed; 0 where a test of PASS_TO_PASS failed, and for tampering. */
const fraction: RewardFunction = (verdict, { strict }) => {
  const { tests } = verdict;
  if (tests === undefined || tests.PASS_TO_PASS.failure.length > 0) return 0;
  if (strict && verdict.outcome === 'resolved' && verdict.strict?.resolved !== true) return 0;
  const { success, failure } = tests.FAIL_TO_PASS;
  return success.length + failure.length === 0 ? 0 : success.length / (success.length + failure.length);
};

/** R_len: 0 below the threshold, else (threshold - turns) / (maxTurns - threshold), so -1 at maxTurns; all in turns. arXiv 2508.03501, section 4.3. */
export function turnPenalty(turns: number, threshold: number, maxTurns: number): number {
  return turns < threshold ? 0 : (threshold - turns) / (maxTurns - threshold);
}

/** R + R_len. */
const penalised: RewardRule = {
  check({ turns, maxTurns, turnThreshold = TURN_THRESHOLD }) {
    if (turns === undefined || maxTurns === undefined)
      throw new AssayError('bad_request', 'the reward turn_penalty needs turns and max_turns');
    if (maxTurns <= turnThreshold || turns > maxTurns)
      throw new AssayError(
        'bad_request',
        `turn_penalty needs turn_threshold < max_turns and turns <= max_turns, got ${turnThreshold}, ${maxTurns} and ${turns}`,
      );
  },
  value(verdict, inputs) {
    const { turns = 0, maxTurns = 0, turnThreshold = TURN_THRESHOLD } = inputs;
    return resolved(verdict, inputs) + turnPenalty(turns, turnThreshold, maxTurns);
  },
};

/** The rewards by the names that requests use. */
export const REWARDS: ReadonlyMap<string, RewardRule> = new Map([
  ['resolved', { value: resolved }],
  ['signed', { value: signed }],
  ['fraction', { value: fraction }],
  ['turn_penalty', penalised],
]);

/** The verdict as a reward; null with the failure where the verdict is not a true one, or the function gives no finite number. */
export function rewardOf(verdict: Verdict, reward: RewardFunction, inputs: RewardInputs): Reward {
  const unscorable = (failure: Failure): Reward => ({ status: 'unscorable', reward: null, failure });
  const failure = failureOf(verdict);
  if (failure !== undefined) return unscorable(failure);
  try {
    const value = reward(verdict, inputs);
    if (!Number.isFinite(value)) throw new TypeError(`it gave ${value}, which is no finite number`);
    return { status: 'scored', reward: value, failure: null };
  } catch (error) {
    const message = `the reward function failed: ${error instanceof Error ? error.message : String(error)}`;
    return unscorable(failureFrom(new AssayError('internal', message, { phase: 'grade' })));
  }
}

/** Why a verdict is no score; undefined for a true one. */
export function failureOf(verdict: Verdict): Failure | undefined {
  if (verdict.outcome !== 'infra_error') return undefined;
  const code = verdict.reason in ERRORS ? (verdict.reason as ErrorCode) : 'internal';
  return {
    ...blameOf(code),
    code: verdict.reason,
    phase: verdict.phase ?? 'prepare',
    message: verdict.detail ?? ERRORS[code].fix,
    attempts: verdict.tries,
  };
}

/** The same of an error that kept a grading from its verdict. */
export function failureFrom({ code, phase = 'prepare', message, fix }: AssayError): Failure {
  return { ...blameOf(code), code, phase, message: `${message}. ${fix}`, attempts: 0 };
}

/** A fault that is not the machine's is ours: what the client did wrong was refused before. */
function blameOf(code: ErrorCode): Pick<Failure, 'class' | 'retryable'> {
  return { class: ERRORS[code].class === 'infra' ? 'infra' : 'ours', retryable: ERRORS[code].retryable };
}
