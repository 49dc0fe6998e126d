import type { Container } from '../engine/engine.js';
import { AssayError, ERRORS, type ErrorCode, toAssayError } from '../errors.js';
import type { RunEvent, RunInstance, RunManifest, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { type Job, type RunInstanceContext, runInstance } from '../run-instance.js';
import { countOutcomes } from '../stats/summary.js';
import { pause } from '../util/clock.js';
import type { ProcessIdentity } from '../util/process.js';
import { startAhead } from './ahead.js';
import { readRun } from './folder.js';
import { attemptKey, type Ledger, openLedger } from './ledger.js';
import { startRemoval } from './removal.js';
import { guessSeconds, longestFirst, runPool } from './schedule.js';

export interface EvaluateOptions {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly instances: readonly RunInstance[];
  readonly jobs: readonly Job[];
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  /** Find the strict verdict, too. */
  readonly strict?: boolean;
  readonly owner: ProcessIdentity;
  /** Verdicts of the folder that are to be found anew. */
  readonly again?: (verdict: Verdict) => boolean;
  readonly workers: number;
  /** Further tries of an attempt that failed for the machine's fault. */
  readonly retries: number;
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

/** Base of the wait between tries of one attempt; doubles each time. */
const RETRY_WAIT_MS = 1000;

/**
 * Evaluates all jobs that the run folder has no verdict of, and returns the results of the whole run. Rejects with `interrupted`
 * after a drain or kill, when everything that was started is stopped and recorded.
 */
export async function evaluate(options: EvaluateOptions): Promise<RunResults> {
  const { folder, manifest, instances, owner, again, context, drain, kill } = options;
  const ledger = await openLedger({ folder, manifest, instances, owner, again });
  const stop = new AbortController();
  const halt = AbortSignal.any([drain, kill, stop.signal]);
  let infraErrors = 0;
  let status: 'done' | 'interrupted' | 'failed' = 'failed';
  let failure: AssayError | undefined;
  const verdicts: Verdict[] = [...ledger.done.values()];

  const emit = async (event: RunEvent) => {
    options.onEvent(event);
    await ledger.append(event);
  };
  const removal = startRemoval({
    ...context,
    containers: context.engine.containers,
    onWarning: options.onWarning,
  });
  const ahead = startAhead({ ...context, signal: kill });
  const engine = { ...context.engine, containers: ahead.containers };
  const work = async (job: Job, upcoming: () => readonly Job[]) => {
    const verdict = await attempt({
      ...options,
      ...{ job, ledger, emit, discard: removal.discard },
      context: { ...context, engine },
      // Not sooner: the engine has this job's own container to start before.
      onTest: () => upcoming().forEach(ahead.prepare),
    });
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
      at: context.clock.iso(),
      runId: manifest.runId,
      total: options.jobs.length,
      done: options.jobs.length - todo.length,
      counts: countOutcomes(verdicts),
      workers: options.workers,
      folder,
      pid: owner.pid,
    });
    await runPool(todo, { workers: options.workers, drain: halt }, work);
    status = verdicts.length < options.jobs.length ? 'interrupted' : 'done';
  } catch (error) {
    if (kill.aborted) status = 'interrupted';
    else failure = toAssayError(error);
  }
  ahead.leftOver().forEach(removal.discard);
  await removal.finish();
  try {
    const counts = countOutcomes(verdicts);
    await emit({ type: 'run_end', at: context.clock.iso(), runId: manifest.runId, status, counts });
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

interface AttemptOptions extends EvaluateOptions {
  readonly job: Job;
  readonly ledger: Ledger;
  readonly emit: (event: RunEvent) => Promise<void>;
  readonly discard: (container: Container | Promise<Container>) => void;
  /** Called when the tests of the attempt start. */
  readonly onTest: () => void;
}

async function attempt(options: AttemptOptions): Promise<Verdict> {
  const { job, ledger, emit, context, kill } = options;
  const { clock } = context;
  const who = { instanceId: job.spec.instanceId, attempt: job.prediction.attempt };
  for (let tries = 1; ; tries++) {
    await emit({ type: 'attempt_start', at: clock.iso(), ...who, try: tries });
    const record = await ledger.begin(who.instanceId, who.attempt, job.prediction.patch);
    const judged = await runInstance(job, {
      ...context,
      discard: options.discard,
      log: record.log,
      ...(options.strict === true ? { strictLog: record.logOf } : {}),
      signal: kill,
      onPhase: (phase) => {
        options.onEvent({ type: 'phase', at: clock.iso(), ...who, phase });
        if (phase === 'test') options.onTest();
      },
    }).finally(() => record.log.end().catch(() => undefined));
    const verdict = { ...judged, tries };
    if (verdict.outcome !== 'infra_error' || tries > options.retries || !isRetryable(verdict.reason)) {
      await record.finish(verdict);
      return verdict;
    }
    const { reason, detail } = verdict;
    await emit({ type: 'retry', at: clock.iso(), ...who, try: tries, reason, detail });
    await pause(RETRY_WAIT_MS * 2 ** (tries - 1), context.clock, kill);
  }
}

function isRetryable(reason: string): boolean {
  return reason in ERRORS && ERRORS[reason as ErrorCode].retryable;
}

function jobKey({ spec, prediction }: Job): string {
  return attemptKey({ instanceId: spec.instanceId, attempt: prediction.attempt });
}
