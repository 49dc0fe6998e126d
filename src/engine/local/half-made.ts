import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess } from '../../util/process.js';

/** Name of something that this process is making in a shared folder, until it is whole and gets its own by rename. */
export function temporaryName(name: string): string {
  return `.tmp-${process.pid}-${name}`;
}

/** Removes from a folder what processes left behind that died while they made it. */
export async function removeHalfMade(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const pid = name.match(/^\.tmp-(\d+)-/)?.[1];
    if (pid !== undefined && identifyProcess(Number(pid)) === undefined)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}
