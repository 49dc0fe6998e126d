import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AssayError } from '../errors.js';
import { hasCode } from '../util/files.js';
import { isAlive, type ProcessIdentity } from '../util/process.js';

/** Takes a lock file for this process, replacing one whose owner is dead; returns the release. */
export async function takeLock(path: string, owner: ProcessIdentity): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  for (let round = 0; round < 3; round++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(JSON.stringify(owner));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = await readHolder(path);
    if (holder !== undefined && isAlive(holder))
      throw new AssayError('run_locked', `process ${holder.pid} is working in ${dirname(path)}`);
    // Renamed first, so that of two processes that find a dead owner only one removes this very file.
    const stale = `${path}.${owner.pid}.stale`;
    await rename(path, stale).catch(() => undefined);
    await rm(stale, { force: true });
  }
  throw new AssayError('run_locked', `the lock ${path} is contended`);
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return typeof value === 'object' && value !== null && 'pid' in value
      ? (value as ProcessIdentity)
      : undefined;
  } catch {
    return undefined;
  }
}
