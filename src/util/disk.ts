import { statfs } from 'node:fs/promises';

/** Less than this is full: a test that writes a file of its own can't be sure to get it. 16 MiB. */
const LEAST_FREE_BYTES = 16 * 2 ** 20;

/** Whether the disk that holds a folder has no space left; false where this machine doesn't see the folder. */
export async function isDiskFull(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize < LEAST_FREE_BYTES;
}
