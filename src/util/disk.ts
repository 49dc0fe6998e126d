import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** Less than this is full: a test that writes a file of its own can't be sure to get it. 16 MiB. */
const LEAST_FREE_BYTES = 16 * 2 ** 20;

/** Whether the disk that holds a folder has no space left; false where this machine doesn't see the folder. */
export async function isDiskFull(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize < LEAST_FREE_BYTES;
}

/** Bytes on the disk of a file, or of all files of a folder; 0 where it is gone. Links are not followed. */
export async function diskUsage(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 0;
  // Blocks are of 512 bytes, whatever the file system's own are: POSIX sys/stat.h as Linux and macOS have it.
  const own = found.blocks * 512;
  if (!found.isDirectory()) return own;
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(names.map((name) => diskUsage(join(path, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, own);
}
