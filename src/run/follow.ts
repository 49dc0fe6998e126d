import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { hasCode } from '../util/files.js';
import { FILES, readRun } from './folder.js';
import { attemptKey } from './ledger.js';

/** What a run folder holds at a moment. */
export interface RunNow {
  readonly results: RunResults;
  /** Attempts that began and have no verdict, with when; whether somebody still works on them is not known here. */
  readonly begun: readonly Begun[];
}

interface Begun {
  readonly instanceId: string;
  readonly attempt: number;
  /** ISO 8601. */
  readonly since: string;
}

/**
 * Follows a run folder that another process may be writing: the first call reads all of it, each further one the events that have come
 * since. Rejects as `readRun` does.
 */
export function followRun(folder: string): () => Promise<RunNow> {
  const path = join(folder, FILES.events);
  let base: RunResults | undefined;
  const verdicts = new Map<string, Verdict>();
  const begun = new Map<string, Begun>();
  /** Bytes of the events that were read. */
  let offset = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function load(): Promise<RunResults> {
    offset = 0;
    verdicts.clear();
    begun.clear();
    for (const event of await news()) note(event);
    // After the events: what they tell is in the folder, and what has come since is told again.
    const results = await readRun(folder);
    verdicts.clear();
    for (const verdict of results.verdicts) verdicts.set(attemptKey(verdict), verdict);
    return results;
  }
  async function news(): Promise<readonly RunEvent[]> {
    const text = await readFrom(path, offset);
    const whole = text.subarray(0, text.lastIndexOf(NEWLINE) + 1);
    offset += whole.length;
    const lines = whole.toString('utf8').split('\n');
    return lines.flatMap((line) => {
      const event = parsed(line);
      return event === undefined ? [] : [event];
    });
  }
  function note(event: RunEvent): void {
    if (event.type === 'run_start' || event.type === 'run_end') begun.clear();
    if (event.type === 'attempt_start') {
      const { instanceId, attempt, at: since } = event;
      verdicts.delete(attemptKey(event));
      begun.set(attemptKey(event), { instanceId, attempt, since });
    }
    if (event.type === 'verdict') {
      verdicts.set(attemptKey(event.verdict), event.verdict);
      begun.delete(attemptKey(event.verdict));
    }
  }
  async function now(): Promise<RunNow> {
    const isShorter = (await sizeOf(path)) < offset;
    if (base === undefined || isShorter) base = await load();
    else for (const event of await news()) note(event);
    return { results: { ...base, verdicts: [...verdicts.values()] }, begun: [...begun.values()] };
  }
  return () => {
    const result = last.then(now);
    last = result.catch(() => undefined);
    return result;
  };
}

const NEWLINE = 10;

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const size = await sizeOf(path);
  if (size <= offset) return Buffer.alloc(0);
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - offset), 0, size - offset, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A line that a full disk cut is no event; the verdict that it told of has another. */
function parsed(line: string): RunEvent | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as RunEvent);
  } catch {
    return undefined;
  }
}
