import { join } from 'node:path';
import { AssayError } from '../errors.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { isObject } from '../util/json-file.js';
import { withLock } from '../util/lock.js';
import type { ProcessIdentity } from '../util/process.js';

/** A JSON object in the cache that several processes read and change. */
export interface StateFile<T> {
  read(): Promise<Map<string, T>>;
  /** Changes the entries in place, one process at a time; resolves with what `change` returns. */
  update<R>(signal: AbortSignal, change: (entries: Map<string, T>) => R): Promise<R>;
}

export interface StateOptions {
  readonly cacheDir: string;
  readonly owner: ProcessIdentity;
}

interface FileOptions<T> extends StateOptions {
  readonly name: string;
  readonly isEntry: (value: unknown) => value is T;
  /** What a damaged file means: `fail` rejects with `file_unusable`, `empty` is for files that only order work. */
  readonly damaged: 'fail' | 'empty';
}

function stateFile<T>({ cacheDir, owner, name, isEntry, damaged }: FileOptions<T>): StateFile<T> {
  const path = join(cacheDir, name);
  // The lock tells processes apart; within this one, changes queue up without polling.
  let last: Promise<unknown> = Promise.resolve();

  async function read(): Promise<Map<string, T>> {
    const text = (await readIfExists(path)) ?? '{}';
    const value = parse(text);
    const entries = isObject(value) ? Object.entries(value) : [];
    const known = entries.filter((entry): entry is [string, T] => isEntry(entry[1]));
    if (damaged === 'fail' && (!isObject(value) || known.length < entries.length))
      throw new AssayError('file_unusable', `${path} is damaged; restore it from a copy, or remove it`);
    return new Map(known);
  }

  return {
    read,
    update(signal, change) {
      const work = () =>
        withLock({ path: `${path}.lock`, owner, signal, onWait: () => {} }, async () => {
          const entries = await read();
          const result = change(entries);
          await writeAtomic(path, `${JSON.stringify(Object.fromEntries(entries), null, 1)}\n`, {
            sync: damaged === 'fail',
          });
          return result;
        });
      const turn = last.then(work, work);
      last = turn;
      return turn;
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** When an image was used last, by name, in milliseconds since the epoch. */
export function imageUses(options: StateOptions): StateFile<number> {
  return stateFile({
    ...options,
    name: 'image-use.json',
    isEntry: (value) => typeof value === 'number',
    damaged: 'empty',
  });
}

/** The digest that each published image had when it was pulled first, by name. */
export function imageDigests(options: StateOptions): StateFile<string> {
  return stateFile({
    ...options,
    name: 'image-digests.json',
    isEntry: (value): value is string => typeof value === 'string' && value.startsWith('sha256:'),
    damaged: 'fail',
  });
}

/** Times of pulls by registry, in milliseconds since the epoch. */
export function pullTimes(options: StateOptions): StateFile<readonly number[]> {
  return stateFile({
    ...options,
    name: 'image-pulls.json',
    isEntry: (value): value is readonly number[] =>
      Array.isArray(value) && value.every((item) => typeof item === 'number'),
    damaged: 'empty',
  });
}
