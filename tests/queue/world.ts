import { AssayError } from '../../src/errors.js';
import type { Verdict } from '../../src/index.js';
import { type Database, openDatabase } from '../../src/queue/database.js';
import type { Order } from '../../src/queue/order.js';
import { type Answered, type Submitter, startSubmitter } from '../../src/queue/submitter.js';
import { type Claimed, type Graded, runWorker, type WorkerOptions } from '../../src/queue/worker.js';
import { testClock } from '../helpers/jobs.js';
import type { Postgres } from '../helpers/postgres.js';
import { verdict } from '../reports/run-results.js';

export const LEASE = 1.2;

export interface TestWorker {
  /** Keys that it began, in order; a key twice was begun twice. */
  readonly begun: readonly string[];
  /** Its way to the queue is cut, or mended. */
  readonly cut: (isCut: boolean) => void;
  readonly drain: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

export interface World {
  readonly submitter: Submitter;
  readonly warnings: readonly string[];
  submit(key: string, more?: Partial<Order>): Promise<Answered>;
  worker(options?: Partial<WorkerOptions>): TestWorker;
  close(): Promise<void>;
}

export const resolved = (key: string): Verdict => verdict(key);

export const found = (key: string, more: Partial<Graded> = {}): Graded => ({
  found: resolved(key),
  evidence: new Map(),
  ...more,
});

export const broken = (key: string, reason = 'engine_failed'): Graded => ({
  found: verdict(key, { outcome: 'infra_error', reason, phase: 'start' }),
  evidence: new Map(),
});

export function order(key: string, more: Partial<Order> = {}): Order {
  return {
    key,
    question: 'q',
    images: [],
    retries: 2,
    payload: {
      asked: { instance_id: key, patch: null },
      rowHash: 'row',
      prediction: { instanceId: key, model: 'm', attempt: 1, patch: 'diff', notes: [] },
      testSeconds: 1,
    },
    ...more,
  };
}

/** Submitter and workers of one process at a real database. */
export async function openWorld(postgres: Postgres, patienceSeconds = 60): Promise<World> {
  const clock = testClock();
  const warnings: string[] = [];
  const databases: Database[] = [];
  const ends: (() => Promise<void>)[] = [];
  const open = async () => {
    const { url } = postgres;
    const database = await openDatabase({ url, clock, onWarning: (text) => warnings.push(text) });
    databases.push(database);
    return database;
  };
  const submitter = startSubmitter({ database: await open(), clock, patienceSeconds });
  const forWorkers = await open();
  let count = 0;
  return {
    submitter,
    warnings,
    submit: (key, more) => submitter.submit(order(key, more), { onStart() {}, onPhase() {}, onFault() {} }),
    worker(options = {}) {
      const begun: string[] = [];
      const drain = new AbortController();
      const kill = new AbortController();
      let isCut = false;
      const database: Database = {
        async query(statement, signal) {
          while (isCut && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
          return forWorkers.query(statement, signal);
        },
        close: async () => {},
      };
      const grade = options.grade ?? (async ({ key }: Claimed) => found(key));
      const ended = runWorker({
        ...{ database, clock, slots: 2, leaseSeconds: LEASE, offers: ['q'] },
        name: `w${++count}`,
        images: async () => [],
        onWarning: (text) => warnings.push(text),
        drain: drain.signal,
        kill: kill.signal,
        ...options,
        grade(claimed, onPhase) {
          begun.push(claimed.key);
          return grade(claimed, onPhase);
        },
      });
      const stop = (controller: AbortController) => async () => {
        controller.abort(new Error('stopped'));
        await ended;
      };
      ends.push(stop(kill));
      return {
        begun,
        cut: (value) => {
          isCut = value;
        },
        drain: stop(drain),
        kill: stop(kill),
      };
    },
    async close() {
      submitter.close();
      await Promise.all(ends.map((end) => end()));
      await Promise.all(databases.map((database) => database.close()));
    },
  };
}

/** A grading that ends when the test says so. */
export function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

/** Waits until it holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new AssayError('internal', `not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
