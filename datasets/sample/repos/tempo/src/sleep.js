/** Resolves after `ms` milliseconds. `timers` replaces the global timers. */
export function sleep(ms, { timers = globalThis } = {}) {
  return new Promise((resolve) => {
    timers.setTimeout(resolve, ms);
  });
}
