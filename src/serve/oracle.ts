import { AssayError, toAssayError } from '../errors.js';
import type { Failure } from '../model/score.js';
import type { Phase, Verdict } from '../model/verdict.js';
import { toPrediction } from '../patch/read.js';
import { failureFrom, failureOf } from '../reward/rewards.js';
import { startAhead } from '../run/ahead.js';
import { attempt } from '../run/attempt.js';
import { startRemoval } from '../run/removal.js';
import type { Job, RunInstanceContext } from '../run-instance.js';
import { createCache } from './cache.js';
import type { Store } from './store.js';
import type { Task } from './task.js';

/** What came of a task. */
export interface Answer {
  /** Null where the machine failed so early that there is none. */
  readonly verdict: Verdict | null;
  /** Why the verdict is no true one; null where it is. */
  readonly failure: Failure | null;
  /** The verdict as JSON, and its test lists: made once. */
  readonly json: string;
  readonly testsJson: string;
  /** It was there before. */
  readonly cached: boolean;
  /** Between the request that began it and the start of its grading. */
  readonly queueSeconds: number;
}

/** What happens to tasks; metrics and the log are its consumers. */
export type OracleEvent =
  | { readonly type: 'hit'; readonly from: 'memory' | 'disk' | 'running' }
  | { readonly type: 'start'; readonly task: Task; readonly queueSeconds: number }
  | { readonly type: 'retry'; readonly task: Task; readonly verdict: Verdict }
  | { readonly type: 'end'; readonly task: Task; readonly answer: Answer; readonly seconds: number };

export interface OracleOptions {
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  readonly store: Store;
  readonly workers: number;
  readonly retries: number;
  /** Most tasks that wait. */
  readonly maxQueue: number;
  /** Most containers that wait for announced instances, and for how many milliseconds. */
  readonly warm: { readonly containers: number; readonly milliseconds: number };
  /** Bytes of verdicts that are kept in memory. */
  readonly cacheBytes: number;
  /** The digest of the instance's image that is here, undefined where none is: a verdict of another one is no answer. */
  readonly digestOf: (task: Task, signal: AbortSignal) => Promise<string | undefined>;
  readonly onEvent: (event: OracleEvent) => void;
  readonly onWarning: (message: string) => void;
}

/** Where a task stands. */
export interface Standing {
  readonly status: 'queued' | 'running' | 'done';
  readonly phase?: Phase;
  readonly answer: Promise<Answer>;
}

/** Finds verdicts, each once: whoever asks for what is being found waits for the same one. */
export interface Oracle {
  /** Resolves when the task is kept, so that a crash doesn't lose it; rejects with `queue_full` or `draining`. Its answer also comes where the machine fails. */
  take(task: Task): Promise<Standing>;
  /** Undefined for a key that was never taken. */
  look(key: string): Promise<Standing | undefined>;
  /** Makes a container ready for the task's instance; false when enough are. */
  prepare(task: Task): boolean;
  counts(): { readonly queued: number; readonly running: number; readonly warm: number };
  /** Takes no more tasks, lets running ones end, and leaves the others to the next start of the service. */
  drain(): Promise<void>;
  /** Ends running tasks, too. */
  kill(): void;
}

interface Entry {
  readonly task: Task;
  readonly since: number;
  readonly answer: Promise<Answer>;
  readonly settle: (answer: Answer) => void;
  /** Never fails: what goes wrong is the answer. */
  readonly kept: Promise<void>;
  status: 'queued' | 'running';
  phase?: Phase;
}

/** How long a look at an image holds. */
const DIGEST_MS = 60_000;
/** Answers without a verdict are remembered for whoever asks for a job's end. */
const FAILURES_KEPT = 1000;

export function startOracle(options: OracleOptions): Oracle {
  const { context, store, workers, onEvent } = options;
  const { clock } = context;
  const killed = new AbortController();
  const entries = new Map<string, Entry>();
  const cache = createCache<Answer>(
    options.cacheBytes,
    ({ json, testsJson }) => json.length + testsJson.length,
  );
  const failures = createCache<Answer>(FAILURES_KEPT, () => 1);
  const digests = new Map<string, { readonly digest: string | undefined; readonly at: number }>();
  const removal = startRemoval({
    ...context,
    containers: context.engine.containers,
    onWarning: options.onWarning,
  });
  const ahead = startAhead({ ...context, signal: killed.signal }, ({ labels }) => labels['assay.instance']);
  const engine = { ...context.engine, containers: ahead.containers };
  let queue: Entry[] = [];
  let running = 0;
  let isDraining = false;
  let attempts = 0;
  let idle = () => {};

  const jobOf = ({ spec, profile, asked }: Task): Job => ({
    spec,
    profile,
    prediction: toPrediction({
      instanceId: spec.instanceId,
      model: 'serve',
      attempt: ++attempts,
      patch: asked.patch,
    }),
  });

  async function isCurrent(task: Task, verdict: Verdict): Promise<boolean> {
    if (verdict.imageDigest === undefined) return true;
    const { instanceId } = task.spec;
    let known = digests.get(instanceId);
    if (known === undefined || clock.now() - known.at > DIGEST_MS) {
      const digest = await options.digestOf(task, killed.signal).catch(() => undefined);
      known = { digest, at: clock.now() };
      digests.set(instanceId, known);
    }
    return known.digest === undefined || known.digest === verdict.imageDigest;
  }

  async function grade(entry: Entry): Promise<Verdict | AssayError> {
    const { task } = entry;
    const job = jobOf(task);
    try {
      return await attempt(job, {
        context: { ...context, engine },
        strict: task.strict,
        retries: options.retries,
        begin: () => store.begin(task.key, task.asked.patch),
        onRetry: (verdict) => onEvent({ type: 'retry', task, verdict }),
        onPhase: (phase) => {
          entry.phase = phase;
        },
        discard: removal.discard,
        kill: killed.signal,
      });
    } catch (error) {
      if (!killed.signal.aborted) return toAssayError(error);
      return new AssayError('draining', 'the service was stopped before the tests had ended');
    }
  }

  async function work(entry: Entry): Promise<void> {
    const { task } = entry;
    const queueSeconds = (clock.now() - entry.since) / 1000;
    entry.status = 'running';
    onEvent({ type: 'start', task, queueSeconds });
    const answer = toAnswer(await grade(entry), { cached: false, queueSeconds });
    const { verdict, failure } = answer;
    if (verdict?.imageDigest !== undefined)
      digests.set(task.spec.instanceId, { digest: verdict.imageDigest, at: clock.now() });
    if (failure === null) cache.set(task.key, { ...answer, cached: true });
    else failures.set(task.key, answer);
    // A task that was stopped with the service is found when that starts again.
    if (!killed.signal.aborted) await store.settle(task.key).catch(() => undefined);
    entries.delete(task.key);
    onEvent({ type: 'end', task, answer, seconds: (clock.now() - entry.since) / 1000 });
    entry.settle(answer);
  }

  function pump(): void {
    while (!isDraining && running < workers) {
      const entry = queue.shift();
      if (entry === undefined) break;
      running++;
      void work(entry).finally(() => {
        running--;
        pump();
      });
    }
    if (running === 0) idle();
  }

  function enqueue(task: Task): Entry {
    if (isDraining) throw new AssayError('draining', 'the service is about to stop and takes no new work');
    if (queue.length >= options.maxQueue)
      throw new AssayError('queue_full', `${queue.length} gradings wait already`);
    let settle: (answer: Answer) => void = () => {};
    const answer = new Promise<Answer>((resolve) => {
      settle = resolve;
    });
    failures.delete(task.key);
    const begun = { task, since: clock.now(), answer, settle, status: 'queued' as const };
    const entry: Entry = Object.assign(begun, { kept: Promise.resolve().then(() => start(entry)) });
    entries.set(task.key, entry);
    return entry;
  }

  async function start(entry: Entry): Promise<void> {
    const { task } = entry;
    try {
      const found = await store.find(task.key);
      if (found !== undefined && (await isCurrent(task, found))) {
        const answer = toAnswer(found, { cached: true, queueSeconds: 0 });
        cache.set(task.key, answer);
        entries.delete(task.key);
        onEvent({ type: 'hit', from: 'disk' });
        return entry.settle(answer);
      }
      await store.pend(task.key, task.asked);
    } catch (error) {
      // Nothing was promised yet: whoever asks gets to know that it can't be.
      entries.delete(task.key);
      return entry.settle(toAnswer(toAssayError(error), { cached: false, queueSeconds: 0 }));
    }
    queue.push(entry);
    pump();
  }

  return {
    async take(task) {
      const known = cache.get(task.key);
      if (known?.verdict && (await isCurrent(task, known.verdict))) {
        onEvent({ type: 'hit', from: 'memory' });
        return { status: 'done', answer: Promise.resolve(known) };
      }
      const running = entries.get(task.key);
      if (running !== undefined) onEvent({ type: 'hit', from: 'running' });
      const entry = running ?? enqueue(task);
      await entry.kept;
      return entry;
    },
    async look(key) {
      const entry = entries.get(key);
      if (entry !== undefined) return entry;
      const known = cache.get(key) ?? failures.get(key);
      const found = known === undefined ? await store.find(key) : undefined;
      const answer = found === undefined ? known : toAnswer(found, { cached: true, queueSeconds: 0 });
      return answer === undefined ? undefined : { status: 'done', answer: Promise.resolve(answer) };
    },
    prepare(task) {
      if (isDraining || ahead.waiting() >= options.warm.containers) return false;
      const giveUp = ahead.prepare(jobOf(task));
      clock.after(options.warm.milliseconds, () => {
        const old = giveUp();
        if (old !== undefined) removal.discard(old);
      });
      return true;
    },
    counts: () => ({ queued: queue.length, running, warm: ahead.waiting() }),
    async drain() {
      isDraining = true;
      const left = queue;
      queue = [];
      for (const entry of left) {
        entries.delete(entry.task.key);
        const error = new AssayError(
          'draining',
          'the service stops before it was its turn; it is graded at the next start',
        );
        entry.settle(toAnswer(error, { cached: false, queueSeconds: 0 }));
      }
      await new Promise<void>((resolve) => {
        idle = resolve;
        if (running === 0) resolve();
      });
      for (let one = ahead.take(); one !== undefined; one = ahead.take()) removal.discard(one);
      await removal.finish();
    },
    kill: () => killed.abort(),
  };
}

function toAnswer(
  found: Verdict | AssayError,
  how: { readonly cached: boolean; readonly queueSeconds: number },
): Answer {
  if (!(found instanceof AssayError))
    return {
      verdict: found,
      failure: failureOf(found) ?? null,
      json: JSON.stringify(found),
      testsJson: JSON.stringify(found.tests ?? null),
      ...how,
    };
  return { verdict: null, failure: failureFrom(found), json: 'null', testsJson: 'null', ...how };
}
