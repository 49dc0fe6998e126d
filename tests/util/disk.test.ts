import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { isDiskFull } from '../../src/util/disk.js';
import { mountSmallDisk } from '../faults/full-disk.js';

test('a disk is full when it has no room for a small file; a folder that is not here says nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assay-disk-'));
  expect(await isDiskFull(folder)).toBe(false);
  expect(await isDiskFull(join(folder, 'nowhere'))).toBe(false);
  const disk = await mountSmallDisk(folder);
  if (disk === undefined) return void process.stderr.write('Skipped the full disk: no right to mount.\n');
  try {
    await disk.fill();
    expect(await isDiskFull(folder)).toBe(true);
  } finally {
    disk.remove();
    await rm(folder, { recursive: true });
  }
});
