import { sleep } from './sleep.js';

/** Pauses before the second, third, ... attempt: `base`, doubled each time, at most `max`. */
function pause(attempt, { base, max }) {
  return Math.min(max, base * 2 ** (attempt - 1));
}

/**
 * Calls `task(attempt)` until it succeeds, at most `attempts` times; then throws the last error.
 * `shouldRetry(error)` may stop it earlier.
 */
export async function retry(task, options = {}) {
  const { attempts = 3, base = 100, max = 10_000, shouldRetry = () => true, timers } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task(attempt);
    } catch (error) {
      if (attempt >= attempts || !shouldRetry(error)) throw error;
    }
    await sleep(pause(attempt, { base, max }), { timers });
  }
}
