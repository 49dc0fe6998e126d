import { AssayError } from '../errors.js';
import type { Phase } from '../model/verdict.js';
import type { Clock } from '../util/clock.js';

/** Seconds that each phase may take; `test` is the model's time, all others are ours. */
export interface Deadlines {
  readonly pull: number;
  readonly start: number;
  readonly apply: number;
  readonly test: number;
  readonly collect: number;
}

export const DEFAULT_DEADLINES: Deadlines = { pull: 3600, start: 120, apply: 120, test: 1800, collect: 60 };

interface DeadlineOptions {
  readonly phase: Phase;
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` with a signal that aborts with the outer one or when the phase's time is over, and rejects at that moment even if
 * `work` ignores its signal. Rejects with `phase_timeout` on the deadline and with the outer signal's reason on an outer abort.
 */
export async function withDeadline<T>(
  { phase, seconds, clock, signal }: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const relay = () => controller.abort(signal.reason);
  signal.addEventListener('abort', relay, { once: true });
  const cancel = clock.after(seconds * 1000, () =>
    controller.abort(
      new AssayError('phase_timeout', `the ${phase} phase took longer than ${seconds} s`, { phase }),
    ),
  );
  try {
    return await untilAborted(controller.signal, work);
  } finally {
    cancel();
    signal.removeEventListener('abort', relay);
  }
}

/** What `work` comes to, or a rejection with the signal's reason as soon as that aborts, even if `work` goes on. */
export async function untilAborted<T>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(signal), aborted]);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
