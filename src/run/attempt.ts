import type { Container } from '../engine/engine.js';
import { ERRORS, type ErrorCode } from '../errors.js';
import type { Phase, Verdict } from '../model/verdict.js';
import { type Job, type RunInstanceContext, runInstance } from '../run-instance.js';
import { pause } from '../util/clock.js';
import type { AttemptRecord } from './record.js';

/** Base of the wait between tries of one attempt; doubles each time. */
const RETRY_WAIT_MS = 1000;

export interface AttemptOptions {
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  /** Find the strict verdict, too. */
  readonly strict?: boolean;
  /** Further tries after failures that are the machine's fault and may pass. */
  readonly retries: number;
  /** Where the evidence of a try goes; called before each, with 1 for the first. */
  readonly begin: (tries: number) => Promise<AttemptRecord>;
  /** Told of a verdict that isn't final. */
  readonly onRetry: (verdict: Verdict, tries: number) => void | Promise<void>;
  readonly onPhase: (phase: Phase) => void;
  readonly discard: (container: Container | Promise<Container>) => void;
  readonly kill: AbortSignal;
}

/** The verdict of a job after as many tries as it takes; it is written to its record. Rejects when `kill` is aborted, or when no record can be written. */
export async function attempt(job: Job, options: AttemptOptions): Promise<Verdict> {
  const { context, kill } = options;
  for (let tries = 1; ; tries++) {
    const record = await options.begin(tries);
    const judged = await runInstance(job, {
      ...context,
      discard: options.discard,
      log: record.log,
      ...(options.strict === true ? { strictLog: record.logOf } : {}),
      signal: kill,
      onPhase: options.onPhase,
    }).finally(() => record.log.end().catch(() => undefined));
    const verdict = { ...judged, tries };
    if (verdict.outcome !== 'infra_error' || tries > options.retries || !isRetryable(verdict.reason)) {
      await record.finish(verdict);
      return verdict;
    }
    await options.onRetry(verdict, tries);
    await pause(RETRY_WAIT_MS * 2 ** (tries - 1), context.clock, kill);
  }
}

/** Whether the reason of an `infra_error` may pass. */
export function isRetryable(reason: string): boolean {
  return reason in ERRORS && ERRORS[reason as ErrorCode].retryable;
}
