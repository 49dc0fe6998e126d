/** Time as a dependency; `src/cli` passes the real one, tests a fake one. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall time as ISO 8601 in UTC. */
  iso(): string;
  /** Calls `fire` once after `ms`; returns a function that cancels. */
  after(ms: number, fire: () => void): () => void;
}

/** Waits `ms` milliseconds; rejects with the signal's reason when it is aborted. */
export async function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** What the promise gives, or undefined when the milliseconds are over. */
export async function within<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  return Promise.race([promise, late]).finally(cancel);
}
