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
  const aborted = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', relay);
  }
}
