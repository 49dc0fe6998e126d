import { type AssayError, toAssayError } from '../errors.js';
import type { Phase, Verdict } from '../model/verdict.js';
import { isRetryable } from '../run/attempt.js';
import type { Clock } from '../util/clock.js';
import { messageOf } from '../util/words.js';
import type { Database } from './database.js';
import { type Evidence, type Payload, queuedError, type Result } from './order.js';
import * as sql from './statements.js';

export interface WorkerOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Names this process for good. */
  readonly name: string;
  /** Gradings at once. */
  readonly slots: number;
  /** A worker that says nothing for so long has lost its gradings to others. */
  readonly leaseSeconds: number;
  /** The questions that it can answer. */
  readonly offers: readonly string[];
  /** Names of the images that are here. */
  readonly images: () => Promise<readonly string[]>;
  readonly grade: (claimed: Claimed, onPhase: (phase: Phase) => void) => Promise<Graded>;
  readonly onWarning: (message: string) => void;
  /** Aborted: takes no more, lets what runs end. */
  readonly drain: AbortSignal;
  /** Aborted: what runs is given back undone. */
  readonly kill: AbortSignal;
}

export interface Claimed {
  readonly key: string;
  readonly payload: Payload;
}

export interface Graded {
  readonly found: Verdict | AssayError;
  readonly evidence: Evidence;
}

interface ClaimRow extends Claimed {
  readonly id: string;
  readonly claim: string;
  /** Tries that failed before. */
  readonly faults: number;
}

interface Running {
  claim: string;
  phase: Phase | undefined;
}

const LOOK_MS = 300;
/** Beats in the time of a lease: some may be lost. */
const BEATS = 6;
/** Of packed logs: a flood that doesn't pack is no use to anybody, and would keep a slow database busy. */
const MOST_LOG_BYTES = 32 * 1024 ** 2;
const LEFT_OUT = 'log_left_out: its packed logs take more than 32 MiB and were not sent';
/** For the last words of a worker that is killed. */
const FAREWELL_MS = 3000;

/** Does gradings of the queue until `drain` is aborted and all that it began is delivered. */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const { database, clock, name, slots, leaseSeconds, drain, kill } = options;
  const running = new Map<string, Running>();
  let wake = () => {};
  let isSuspect = false;
  let lastBeat = Number.NEGATIVE_INFINITY;

  const listImages = () =>
    options.images().catch((error: unknown) => {
      options.onWarning(`the images of this machine are not known: ${messageOf(error)}`);
      return [];
    });

  async function beat(): Promise<void> {
    const images = await listImages();
    const tasks = [...running].map(([id, { phase }]) => ({ id, phase }));
    const known = await database.query(sql.beat({ name, leaseSeconds, images, tasks }), kill);
    if (known.length === 0)
      await database.query(sql.register({ name, leaseSeconds, images, offers: options.offers }), kill);
    lastBeat = clock.now();
  }

  const claim = (count: number, suspects: boolean) =>
    database.query<ClaimRow>(sql.claim({ name, leaseSeconds, count, suspects }), kill);

  async function fill(): Promise<void> {
    if (running.size === 0) {
      const suspects = await claim(1, true);
      isSuspect = suspects.length > 0;
      suspects.forEach(begin);
    }
    if (!isSuspect && running.size < slots) (await claim(slots - running.size, false)).forEach(begin);
  }

  function begin(row: ClaimRow): void {
    const begun = running.get(row.id);
    // Lost to another that was lost, too, while it ran on here.
    if (begun !== undefined) {
      begun.claim = row.claim;
      return;
    }
    const entry: Running = { claim: row.claim, phase: undefined };
    running.set(row.id, entry);
    void work(row, entry)
      .catch((error: unknown) => {
        if (!kill.aborted) options.onWarning(`what came of ${row.key} is lost: ${messageOf(error)}`);
      })
      .finally(() => {
        if (!kill.aborted) running.delete(row.id);
        wake();
      });
  }

  async function work(row: ClaimRow, entry: Running): Promise<void> {
    const { found, evidence } = await options.grade(row, (phase) => {
      entry.phase = phase;
    });
    kill.throwIfAborted();
    const fits = [...evidence.values()].reduce((sum, { length }) => sum + length, 0) <= MOST_LOG_BYTES;
    const ending = {
      id: row.id,
      evidence: fits ? evidence : new Map(),
      result: resultOf(found, { tries: row.faults + 1, notes: fits ? [] : [LEFT_OUT] }),
    };
    const mayPass = 'outcome' in found ? isRetryable(found.reason) : found.retryable;
    try {
      await deliver(ending, { claim: entry.claim, mayPass });
    } catch (error) {
      kill.throwIfAborted();
      // What the database refuses it would refuse of each further worker.
      const result = { error: queuedError(toAssayError(error)) };
      const refused = { id: row.id, evidence: new Map(), result };
      await database.query(sql.giveUp({ ...refused, name, claim: entry.claim }), kill);
    }
  }

  async function deliver(
    ending: sql.Ending,
    { claim: mine, mayPass }: { readonly claim: string; readonly mayPass: boolean },
  ): Promise<void> {
    if ('verdict' in ending.result && ending.result.verdict.outcome !== 'infra_error') {
      await database.query(sql.finish(ending), kill);
      return;
    }
    const fault = { ...ending, name, claim: mine };
    const again = await database.query(sql.tryAgain({ ...fault, mayPass }), kill);
    if (again.length === 0) await database.query(sql.giveUp(fault), kill);
  }

  function rest(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(LOOK_MS, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  try {
    while (!kill.aborted && !(drain.aborted && running.size === 0)) {
      if (clock.now() - lastBeat >= (leaseSeconds * 1000) / BEATS) await beat();
      if (!drain.aborted && running.size < slots && !(isSuspect && running.size > 0)) await fill();
      await rest();
    }
  } catch (error) {
    if (!kill.aborted) throw error;
  } finally {
    const patience = AbortSignal.timeout(FAREWELL_MS);
    for (const statement of [sql.release(name), sql.leave(name)])
      await database.query(statement, patience).catch(() => undefined);
  }
}

function resultOf(found: Verdict | AssayError, { tries, notes }: Pick<Verdict, 'tries' | 'notes'>): Result {
  if (!('outcome' in found)) return { error: queuedError(found) };
  return { verdict: { ...found, tries, notes: [...found.notes, ...notes] } };
}
