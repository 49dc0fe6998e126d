import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A small disk of its own that can be filled. */
export interface SmallDisk {
  /** Takes all that is free, until `free`. */
  fill(): Promise<void>;
  free(): Promise<void>;
  remove(): void;
}

const MIB = 2 ** 20;
const SIZE_MIB = 4;

/** Undefined where this user may not mount. */
export async function mountSmallDisk(folder: string): Promise<SmallDisk | undefined> {
  await mkdir(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'none', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const ballast = join(folder, 'ballast');
  return {
    // Ends with the error of a full disk, and has what there was.
    fill: () => writeFile(ballast, Buffer.alloc(SIZE_MIB * MIB)).catch(() => {}),
    free: () => rm(ballast, { force: true }),
    remove: () => void execFileSync('umount', ['-l', folder]),
  };
}
