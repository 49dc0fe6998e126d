import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';

/**
 * A folder for the tests of one file, in memory where the machine has such: thousands of files are synced to it. What `close` ends ends before the
 * folder is removed: hooks of jest run in the order in which they were asked for, so that a test's own `afterAll` would come too late.
 */
export function scratchFolder(
  name: string,
  close?: () => Promise<unknown> | undefined,
): { readonly path: string } {
  const folder = { path: '' };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `assay-${name}-`));
  });
  afterAll(async () => {
    await close?.();
    await rm(folder.path, { recursive: true, force: true });
  });
  return folder;
}
