import { AssayError, toAssayError } from '../errors.js';
import type { RunEvent, RunInstance, RunManifest, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import type { Job, RunInstanceContext } from '../run-instance.js';
import { countOutcomes } from '../stats/summary.js';
import type { Clock } from '../util/clock.js';
import type { ProcessIdentity } from '../util/process.js';
import { type Attempts, attemptsHere } from './attempts.js';
import { readRun } from './folder.js';
import { attemptKey, openLedger } from './ledger.js';
import { guessSeconds, longestFirst, runPool } from './schedule.js';

export type EvaluateOptions = Omit<EvaluateByOptions, 'attempts' | 'clock'> & {
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  /** Find the strict verdict, too. */
  readonly strict?: boolean;
  /** Further tries of an attempt that failed for the machine's fault. */
  readonly retries: number;
};

export interface EvaluateByOptions {
  readonly attempts: Attempts;
  readonly clock: Clock;
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly instances: readonly RunInstance[];
  readonly jobs: readonly Job[];
  readonly owner: ProcessIdentity;
  /** Verdicts of the folder that are to be found anew. */
  readonly again?: (verdict: Verdict) => boolean;
  /** Attempts at once. */
  readonly workers: number;
  /** Stops the run after this many infrastructure errors. */
  readonly maxFailures?: number;
  /** Known durations in seconds by instance id. */
  readonly durations: ReadonlyMap<string, number>;
  readonly onEvent: (event: RunEvent) => void;
  readonly onWarning: (message: string) => void;
  /** Aborted: no new attempts, running ones end. */
  readonly drain: AbortSignal;
  /** Aborted: running attempts are killed and get no verdict. */
  readonly kill: AbortSignal;
}

/** The same on the engine of the context. */
export function evaluate(options: EvaluateOptions): Promise<RunResults> {
  return evaluateBy({ ...options, attempts: attemptsHere(options), clock: options.context.clock });
}

/**
 * Evaluates all jobs that the run folder has no verdict of, and returns the results of the whole run. Rejects with `interrupted`
 * after a drain or kill, when everything that was started is stopped and recorded.
 */
export async function evaluateBy(options: EvaluateByOptions): Promise<RunResults> {
  const { attempts, clock, folder, manifest, instances, owner, again, drain, kill } = options;
  const ledger = await openLedger({ folder, manifest, instances, owner, again });
  const stop = new AbortController();
  const halt = AbortSignal.any([drain, kill, stop.signal]);
  let infraErrors = 0;
  /** Jobs that came to nothing that could be judged. */
  let without = 0;
  let status: 'done' | 'interrupted' | 'failed' = 'failed';
  let failure: AssayError | undefined;
  const verdicts: Verdict[] = [...ledger.done.values()];

  const emit = async (event: RunEvent) => {
    options.onEvent(event);
    await ledger.append(event);
  };
  const work = async (job: Job, upcoming: () => readonly Job[]) => {
    const who = { instanceId: job.spec.instanceId, attempt: job.prediction.attempt };
    const verdict = await attempts.attempt(job, {
      upcoming,
      begin: async (tries, patch = job.prediction.patch) => {
        await emit({ type: 'attempt_start', at: clock.iso(), ...who, try: tries });
        return ledger.begin(who.instanceId, who.attempt, patch);
      },
      onRetry: ({ reason, detail }, tries) =>
        emit({ type: 'retry', at: clock.iso(), ...who, try: tries, reason, detail }),
      onPhase: (phase) => options.onEvent({ type: 'phase', at: clock.iso(), ...who, phase }),
    });
    if (verdict === undefined) {
      without++;
      return;
    }
    verdicts.push(verdict);
    await emit({ type: 'verdict', at: verdict.finishedAt, verdict });
    if (verdict.outcome === 'infra_error' && ++infraErrors === options.maxFailures) stop.abort();
  };

  try {
    const todo = longestFirst(
      options.jobs.filter((job) => !ledger.done.has(jobKey(job))),
      ({ spec }) =>
        options.durations.get(spec.instanceId) ??
        guessSeconds(spec.failToPass.length + spec.passToPass.length),
    );
    await emit({
      type: 'run_start',
      at: clock.iso(),
      runId: manifest.runId,
      total: options.jobs.length,
      done: options.jobs.length - todo.length,
      counts: countOutcomes(verdicts),
      workers: options.workers,
      folder,
      pid: owner.pid,
    });
    await runPool(todo, { workers: options.workers, drain: halt }, work);
    status = verdicts.length + without < options.jobs.length ? 'interrupted' : 'done';
  } catch (error) {
    if (kill.aborted || isInterrupted(error)) status = 'interrupted';
    else failure = toAssayError(error);
  }
  try {
    await attempts.finish();
    const counts = countOutcomes(verdicts);
    await emit({ type: 'run_end', at: clock.iso(), runId: manifest.runId, status, counts });
  } catch (error) {
    failure ??= toAssayError(error);
  } finally {
    await ledger.close();
  }
  if (failure !== undefined) throw failure;
  if (stop.signal.aborted)
    throw new AssayError(
      'too_many_failures',
      `${infraErrors} attempts failed for the machine's fault in ${folder}`,
    );
  if (status === 'interrupted') throw new AssayError('interrupted', `the run in ${folder} was interrupted`);
  return readRun(folder);
}

/** Attempts that others do are taken back when the run drains. */
function isInterrupted(error: unknown): boolean {
  return error instanceof AssayError && error.code === 'interrupted';
}

function jobKey({ spec, prediction }: Job): string {
  return attemptKey({ instanceId: spec.instanceId, attempt: prediction.attempt });
}
