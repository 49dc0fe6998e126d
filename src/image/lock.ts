import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { AssayError } from '../errors.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { schemaFault } from '../util/schema.js';

/** What an environment was resolved to: the same versions are installed wherever this file is. */
export const EnvironmentLock = Type.Object({
  schemaVersion: Type.Literal(1),
  /** Version of the interpreter, e.g. `3.9.18`; absent for images without Python. */
  python: Type.Optional(Type.String()),
  /** `name=version` of every Debian package that was installed. */
  systemPackages: Type.Array(Type.String()),
  /** `name==version` of every Python package that was installed. */
  pythonPackages: Type.Array(Type.String()),
  /** File names of the wheels of the build requirements. */
  wheels: Type.Array(Type.String()),
  /** The same for projects that ask for more, by what they ask for. */
  projects: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
});
export type EnvironmentLock = Static<typeof EnvironmentLock>;

function lockPath(dir: string, key: string): string {
  return join(dir, `${key.slice(0, 16)}.json`);
}

/** The lock of an environment by its key; undefined when there is none. Rejects with `bad_lock` when the file is none of ours. */
export async function readLock(dir: string, key: string): Promise<EnvironmentLock | undefined> {
  const path = lockPath(dir, key);
  const text = await readIfExists(path);
  if (text === undefined) return undefined;
  const lock = parseLock(text);
  if (typeof lock !== 'string') return lock;
  throw new AssayError('bad_lock', `${path}: ${lock}`);
}

/** Keeps the lock of an environment. */
export async function writeLock(dir: string, key: string, lock: EnvironmentLock): Promise<void> {
  await writeAtomic(lockPath(dir, key), `${JSON.stringify(lock, null, 1)}\n`);
}

/** A lock from its JSON, or what is wrong with it. */
export function parseLock(text: string): EnvironmentLock | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  return schemaFault(value, EnvironmentLock) ?? (value as EnvironmentLock);
}
