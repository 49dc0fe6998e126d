import { AssayError, type ErrorCode, toAssayError } from '../errors.js';
import { Phase, Verdict } from '../model/verdict.js';
import { type Clock, pause } from '../util/clock.js';
import { createLimit } from '../util/pool.js';
import { schemaFault } from '../util/schema.js';
import type { Database } from './database.js';
import { type Evidence, type Order, type QueuedError, queuedError, type Result } from './order.js';
import * as sql from './statements.js';

/** Puts gradings into the queue and waits for what workers make of them. */
export interface Submitter {
  /** Rejects when the submitter is closed, when the order was taken back, or when the queue refuses. */
  submit(order: Order, watch: OrderWatch): Promise<Answered>;
  /** Takes back all orders that no worker has begun. */
  takeBack(): Promise<void>;
  /** Names of the live workers, and the images that any of them has. */
  workers(): Promise<{ readonly names: readonly string[]; readonly images: ReadonlySet<string> }>;
  /** Waits for nothing any more; what is in the queue stays there. */
  close(): void;
}

/** Told of an order while it is in the queue. */
export interface OrderWatch {
  /** A worker has begun; called once. */
  readonly onStart: () => void;
  readonly onPhase: (phase: Phase) => void;
  /** A try failed for a machine's fault. */
  readonly onFault: (result: Result) => void;
}

export interface Answered {
  readonly result: Result;
  readonly evidence: Evidence;
  /** Removes it from the queue, for answers that nobody else will ask for. */
  forget(): Promise<void>;
}

interface SubmitterOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** How long an order waits while no worker fits. */
  readonly patienceSeconds: number;
}

/** Orders that are put at once: fewer than there are connections. */
const PUTS = 2;
const LOOK_MS = 300;
const SWEEP_MS = 5000;
/** What a dead worker's last lease gets on top after a restart of the database. */
const GRACE_SECONDS = 30;

interface Waiter {
  readonly order: Order;
  readonly watch: OrderWatch;
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: AssayError) => void;
  started: boolean;
  phase: string | null;
  faults: number;
}

interface Seen {
  readonly id: string;
  readonly isTaken: boolean;
  readonly phase: string | null;
  readonly faults: readonly string[];
  readonly result: unknown;
  readonly isDone: boolean;
}

export function startSubmitter({ database, clock, patienceSeconds }: SubmitterOptions): Submitter {
  const waiting = new Map<string, Waiter>();
  const closed = new AbortController();
  const { signal } = closed;
  const rejectAll = (error: AssayError) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  // Thousands of orders at once must not keep answers waiting.
  const limited = createLimit(PUTS);

  async function put(order: Order): Promise<string> {
    for (;;) {
      const [row] = await limited(() => database.query<{ id: string }>(sql.submit(order), signal));
      if (row !== undefined) return row.id;
    }
  }

  async function take(id: string, result: Result): Promise<Answered> {
    const rows = await database.query<{ name: string; bytes: Uint8Array }>(sql.evidenceOf(id), signal);
    return {
      result,
      evidence: new Map(rows.map(({ name, bytes }) => [name, bytes])),
      forget: async () => void (await database.query(sql.remove(id), signal)),
    };
  }

  function tell(waiter: Waiter, { isTaken, isDone, phase, faults }: Seen): void {
    const { watch } = waiter;
    for (const text of faults.slice(waiter.faults)) watch.onFault(checked(JSON.parse(text)));
    waiter.faults = faults.length;
    if (!waiter.started && (isTaken || isDone)) {
      waiter.started = true;
      watch.onStart();
    }
    if (phase !== null && phase !== waiter.phase && !isDone) {
      waiter.phase = phase;
      if (schemaFault(phase, Phase) === undefined) watch.onPhase(phase as Phase);
    }
  }

  async function look(): Promise<void> {
    if (waiting.size === 0) return;
    for (const seen of await database.query<Seen>(sql.look([...waiting.keys()]), signal)) {
      const waiter = waiting.get(seen.id);
      if (waiter === undefined) continue;
      tell(waiter, seen);
      if (!seen.isDone) continue;
      waiting.delete(seen.id);
      take(seen.id, checked(seen.result)).then(waiter.resolve, (error) => waiter.reject(toAssayError(error)));
    }
  }

  async function sweep(): Promise<void> {
    await database.query(sql.sweepPoisoned(POISONED, GRACE_SECONDS), signal);
    await database.query(sql.sweepUnfit(noWorker(patienceSeconds), patienceSeconds), signal);
    for (const statement of sql.prune()) await database.query(statement, signal);
    // A database that was set back has forgotten them.
    for (const { id } of await database.query<{ id: string }>(sql.missing([...waiting.keys()]), signal)) {
      const waiter = waiting.get(id);
      if (waiter === undefined) continue;
      waiting.delete(id);
      waiting.set(await put(waiter.order), waiter);
    }
  }

  async function run(): Promise<void> {
    for (let swept = Number.NEGATIVE_INFINITY; !signal.aborted; ) {
      try {
        await look();
        if (clock.now() - swept >= SWEEP_MS) {
          await sweep();
          swept = clock.now();
        }
      } catch (error) {
        if (signal.aborted) return;
        rejectAll(toAssayError(error));
      }
      await pause(LOOK_MS, clock, signal).catch(() => undefined);
    }
  }

  void run();
  return {
    async submit(order, watch) {
      const id = await put(order);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(closedError());
        waiting.set(id, { order, watch, resolve, reject, started: false, phase: null, faults: 0 });
      });
    },
    async takeBack() {
      const gone = await database.query<{ id: string }>(sql.withdraw([...waiting.keys()]), signal);
      for (const { id } of gone) {
        waiting.get(id)?.reject(new AssayError('interrupted', 'the order was taken back'));
        waiting.delete(id);
      }
    },
    async workers() {
      const rows = await database.query<{ name: string; images: string[] }>(sql.liveWorkers(), signal);
      return {
        names: rows.map(({ name }) => name),
        images: new Set(rows.flatMap(({ images }) => images)),
      };
    },
    close() {
      closed.abort(closedError());
      rejectAll(closedError());
    },
  };
}

function closedError(): AssayError {
  return new AssayError('draining', 'this process stops; the grading stays in the queue');
}

const POISONED = queuedError(
  new AssayError('poisoned', 'every worker that had this grading ended, or was cut off from the queue'),
);

function noWorker(seconds: number): QueuedError {
  const message = `in ${seconds} s no worker offered this instance as it is here, with these grading rules and this kind of engine`;
  return queuedError(new AssayError('no_worker', message));
}

/** What is in the queue was written by another machine. */
function checked(result: unknown): Result {
  const { verdict, error } = result as Partial<{ verdict: unknown; error: QueuedError }>;
  if (error !== undefined) return { error };
  const fault = schemaFault(verdict, Verdict);
  if (fault === undefined) return { verdict: verdict as Verdict };
  return { error: { code: 'internal', message: `a worker wrote what is no verdict: ${fault}` } };
}

/** An error of the queue as one of ours. */
export function errorOf({ code, message, phase, detail }: QueuedError): AssayError {
  return new AssayError(code as ErrorCode, message, { phase, detail });
}
