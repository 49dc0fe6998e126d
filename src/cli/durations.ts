import { join } from 'node:path';
import type { Verdict } from '../model/verdict.js';
import { readIfExists, writeAtomic } from '../util/files.js';

const FILE = 'durations.json';

/** Seconds that each instance took the last time, from any run; an unreadable file is an empty one: it only orders work. */
export async function readDurations(cacheDir: string): Promise<Map<string, number>> {
  try {
    const text = (await readIfExists(join(cacheDir, FILE))) ?? '{}';
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return new Map();
  }
}

/** Adds what a run has measured. */
export async function rememberDurations(
  cacheDir: string,
  known: ReadonlyMap<string, number>,
  verdicts: readonly Verdict[],
): Promise<void> {
  const all = new Map(known);
  for (const { instanceId, seconds } of verdicts)
    if (seconds['test'] !== undefined) all.set(instanceId, Math.round(seconds['test'] * 100) / 100);
  await writeAtomic(join(cacheDir, FILE), JSON.stringify(Object.fromEntries(all)), { sync: false });
}
