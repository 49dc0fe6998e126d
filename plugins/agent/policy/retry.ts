import { type Clock, pause } from '../../../src/index.js';
import { Fault } from './fault.js';

/** How long a request is sent again. */
export interface Patience {
  readonly clock: Clock;
  readonly random: () => number;
  /** Further tries after what may pass. */
  readonly retries: number;
  /** No try begins later than this after the first. */
  readonly retrySeconds: number;
  readonly onRetry?: (fault: Fault, seconds: number) => void;
}

/** Longest wait in seconds where the server doesn't say. */
const LONGEST_WAIT = 60;

/** Acts again after faults that may pass, with waits that double and are spread at random; rejects with the last fault. */
export async function retried<T>(
  act: () => Promise<T>,
  { clock, random, retries, retrySeconds, onRetry }: Patience,
  signal: AbortSignal,
): Promise<T> {
  const begin = clock.now();
  for (let tries = 0; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'passing') throw error;
      const wait =
        error.retryAfter === undefined
          ? Math.min(2 ** tries, LONGEST_WAIT) * (0.5 + random() / 2)
          : error.retryAfter + random();
      const isOver = tries >= retries || (clock.now() - begin) / 1000 + wait > retrySeconds;
      if (isOver) throw error;
      onRetry?.(error, wait);
      await pause(wait * 1000, clock, signal);
    }
  }
}
