import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

/** A folder for the tests of one file, in memory where the machine has such: thousands of files are synced to it. */
export function scratchFolder(name: string): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `assay-${name}-`));
  });
  afterAll(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}
