import { freemem } from 'node:os';

/** An attempt's expected duration decides its turn: the longest go first, so that none is left to run alone at the end. */
export function longestFirst<T>(items: readonly T[], secondsOf: (item: T) => number): T[] {
  return items
    .map((item, index) => ({ item, index, seconds: secondsOf(item) }))
    .sort((a, b) => b.seconds - a.seconds || a.index - b.index)
    .map(({ item }) => item);
}

/** Expected seconds of an instance never seen before: a guess from the number of its tests, good for ordering only. */
export function guessSeconds(tests: number): number {
  return 1 + 0.02 * tests;
}

const GIB = 1024 ** 3;

/** Default of `-j`: the smaller of 0.75 x cores and free memory / 4 GiB, at least 1. */
export function defaultWorkers(cpus: number, freeMemoryBytes: number = freemem()): number {
  return Math.max(1, Math.min(Math.floor(0.75 * cpus), Math.floor(freeMemoryBytes / (4 * GIB))));
}

/**
 * Runs `work` on each item with at most `workers` at once, in order; takes no new ones after `drain` or a failure. `upcoming` gives the
 * items that are next in turn, one per worker; none once the pool takes no more.
 */
export async function runPool<T>(
  items: readonly T[],
  { workers, drain }: { readonly workers: number; readonly drain: AbortSignal },
  work: (item: T, upcoming: () => readonly T[]) => Promise<void>,
): Promise<void> {
  let next = 0;
  const upcoming = () => (drain.aborted ? [] : items.slice(next, next + workers));
  const worker = async () => {
    while (next < items.length && !drain.aborted) {
      const item = items[next++] as T;
      try {
        await work(item, upcoming);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  // All of them end before an error of one is thrown: nothing may still be running afterwards.
  const ends = await Promise.allSettled(Array.from({ length: Math.min(workers, items.length) }, worker));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
