import { AssayError, toAssayError } from '../errors.js';
import type { Failure } from '../model/score.js';
import type { Phase, Verdict } from '../model/verdict.js';
import { failureFrom, failureOf } from '../reward/rewards.js';
import type { Grader } from '../run/grader.js';
import type { Task } from '../run/task.js';
import type { Clock } from '../util/clock.js';
import { createCache } from './cache.js';
import type { Store } from './store.js';
import { createTurns } from './turns.js';

/** What came of a task. */
export interface Answer {
  /** Null where the machine failed so early that there is none. */
  readonly verdict: Verdict | null;
  /** Why the verdict is no true one; null where it is. */
  readonly failure: Failure | null;
  /** The end of its body on the wire, from the verdict on: made once. */
  readonly tail: Buffer;
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
  readonly grader: Grader;
  readonly store: Store;
  readonly clock: Clock;
  /** Gradings at once. */
  readonly workers: number;
  /** Most tasks that wait. */
  readonly maxQueue: number;
  /** Bytes of verdicts that are kept in memory. */
  readonly cacheBytes: number;
  /** The digest of the instance's image that is here, undefined where none is: a verdict of another one is no answer. */
  readonly digestOf: (task: Task) => Promise<string | undefined>;
  readonly onEvent: (event: OracleEvent) => void;
}

/** Where a task stands. */
export interface Standing {
  readonly status: 'queued' | 'running' | 'done';
  readonly phase?: Phase;
  readonly answer: Promise<Answer>;
}

/** Finds verdicts, each once: whoever asks for what is being found waits for the same one. */
export interface Oracle {
  /**
   * Resolves when the task is kept, so that a crash doesn't lose it; rejects with `queue_full` or `draining`. Its answer also comes where the
   * machine fails. Tasks of different clients take turns.
   */
  take(task: Task, client?: string): Promise<Standing>;
  /** Undefined for a key that was never taken. */
  look(key: string): Promise<Standing | undefined>;
  /** Makes a container ready for the task's instance; false when enough are. */
  prepare(task: Task): boolean;
  counts(): { readonly queued: number; readonly running: number; readonly warm: number };
  /** Takes no more tasks, lets running ones end, and leaves the others to the next start of the service. */
  drain(): Promise<void>;
  /** Ends running tasks, too; also these are left to the next start. */
  kill(): void;
}

interface Entry {
  readonly task: Task;
  readonly client: string;
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
  const { grader, store, clock, workers, onEvent } = options;
  const entries = new Map<string, Entry>();
  // The verdict itself takes about as much again.
  const cache = createCache<Answer>(options.cacheBytes, ({ tail }) => 2 * tail.length);
  const failures = createCache<Answer>(FAILURES_KEPT, () => 1);
  const digests = new Map<string, { readonly digest: string | undefined; readonly at: number }>();
  const queue = createTurns<Entry>();
  /** Given to the grader, which may be elsewhere and not have begun them all. */
  let given = 0;
  let state: 'open' | 'draining' | 'killed' = 'open';
  let idle = () => {};

  async function isCurrent(task: Task, { imageDigest }: Verdict): Promise<boolean> {
    if (imageDigest === undefined) return true;
    const { instanceId } = task.spec;
    let known = digests.get(instanceId);
    if (known === undefined || clock.now() - known.at > DIGEST_MS) {
      known = { digest: await options.digestOf(task).catch(() => undefined), at: clock.now() };
      digests.set(instanceId, known);
    }
    return known.digest === undefined || known.digest === imageDigest;
  }

  async function work(entry: Entry): Promise<void> {
    const { task } = entry;
    let queueSeconds = 0;
    const onStart = () => {
      queueSeconds = (clock.now() - entry.since) / 1000;
      entry.status = 'running';
      onEvent({ type: 'start', task, queueSeconds });
    };
    if (grader.isElsewhere !== true) onStart();
    const found = await grader.grade(task, {
      onStart,
      onPhase: (phase) => {
        entry.phase = phase;
      },
      onRetry: (verdict) => onEvent({ type: 'retry', task, verdict }),
    });
    const answer = toAnswer(found, { cached: false, queueSeconds });
    const digest = answer.verdict?.imageDigest;
    if (digest !== undefined) digests.set(task.spec.instanceId, { digest, at: clock.now() });
    if (answer.failure === null) cache.set(task.key, { ...answer, cached: true });
    else failures.set(task.key, answer);
    // What was stopped with the service is found when that starts again.
    if (state !== 'killed') await store.settle(task.key).catch(() => undefined);
    entries.delete(task.key);
    onEvent({ type: 'end', task, answer, seconds: (clock.now() - entry.since) / 1000 });
    entry.settle(answer);
  }

  function pump(): void {
    while (state === 'open' && given < workers) {
      const entry = queue.shift();
      if (entry === undefined) break;
      given++;
      void work(entry).finally(() => {
        given--;
        pump();
      });
    }
    if (given === 0) idle();
  }

  /** Ends what never came to its turn. */
  function end({ task, settle }: Entry, answer: Answer): void {
    entries.delete(task.key);
    if (answer.failure !== null) failures.set(task.key, answer);
    settle(answer);
  }

  function enqueue(task: Task, client: string): Entry {
    if (state !== 'open')
      throw new AssayError('draining', 'the service is about to stop and takes no new work');
    const waiting = entries.size - given;
    if (waiting >= options.maxQueue) throw new AssayError('queue_full', `${waiting} gradings wait already`);
    let settle: (answer: Answer) => void = () => {};
    const answer = new Promise<Answer>((resolve) => {
      settle = resolve;
    });
    failures.delete(task.key);
    const begun = { task, client, since: clock.now(), answer, settle, status: 'queued' as const };
    const entry: Entry = Object.assign(begun, { kept: Promise.resolve().then(() => start(entry)) });
    entries.set(task.key, entry);
    return entry;
  }

  async function start(entry: Entry): Promise<void> {
    const { task, client } = entry;
    try {
      const found = await store.find(task.key);
      if (found !== undefined && (await isCurrent(task, found))) {
        const answer = toAnswer(found, { cached: true, queueSeconds: 0 });
        cache.set(task.key, answer);
        onEvent({ type: 'hit', from: 'disk' });
        // A crash may have come between the two.
        await store.settle(task.key);
        return end(entry, answer);
      }
      await store.pend(task.key, task.asked);
    } catch (error) {
      // Nothing was promised yet: whoever asks gets to know that it can't be.
      return end(entry, toAnswer(toAssayError(error), { cached: false, queueSeconds: 0 }));
    }
    if (state !== 'open') return end(entry, toAnswer(LEFT, { cached: false, queueSeconds: 0 }));
    queue.push(client, entry);
    pump();
  }

  return {
    async take(task, client = '') {
      const known = cache.get(task.key);
      if (known?.verdict && (await isCurrent(task, known.verdict))) {
        onEvent({ type: 'hit', from: 'memory' });
        return { status: 'done', answer: Promise.resolve(known) };
      }
      const begun = entries.get(task.key);
      if (begun !== undefined) onEvent({ type: 'hit', from: 'running' });
      const entry = begun ?? enqueue(task, client);
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
    prepare: (task) => state === 'open' && grader.prepare(task),
    counts() {
      const running = [...entries.values()].filter(({ status }) => status === 'running').length;
      return { queued: entries.size - running, running, warm: grader.warm() };
    },
    async drain() {
      if (state === 'open') state = 'draining';
      for (let entry = queue.shift(); entry !== undefined; entry = queue.shift())
        end(entry, toAnswer(LEFT, { cached: false, queueSeconds: 0 }));
      await new Promise<void>((resolve) => {
        idle = resolve;
        if (given === 0) resolve();
      });
      await grader.finish();
    },
    kill() {
      state = 'killed';
      grader.kill();
    },
  };
}

const LEFT = new AssayError(
  'draining',
  'the service stops before it was its turn; it is graded at the next start',
);

function toAnswer(
  found: Verdict | AssayError,
  how: { readonly cached: boolean; readonly queueSeconds: number },
): Answer {
  const verdict = found instanceof AssayError ? null : found;
  return {
    verdict,
    failure: found instanceof AssayError ? failureFrom(found) : (failureOf(found) ?? null),
    tail: Buffer.from(
      `,"verdict":${JSON.stringify(verdict)},"tests":${JSON.stringify(verdict?.tests ?? null)}}`,
    ),
    ...how,
  };
}
