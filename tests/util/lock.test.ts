import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { takeLock } from '../../src/util/lock.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';

const self = identifyProcess(process.pid) as ProcessIdentity;
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-lock-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const DEAD = JSON.stringify({ pid: self.pid, started: 'another life' });
const LEFT: Readonly<Record<string, string | undefined>> = {
  'where there is none': undefined,
  'of a process that is dead': DEAD,
  'that is empty': '',
  'that is no lock': '{"pid": "x"',
};

describe('a lock', () => {
  test.each(Object.entries(LEFT))('%s is taken by exactly one of many', async (name, content) => {
    for (let round = 0; round < 25; round++) {
      const folder = join(work, `${name} ${round}`);
      const path = join(folder, 'lock');
      await mkdir(folder);
      if (content !== undefined) await writeFile(path, content);
      const ends = await Promise.allSettled(
        Array.from({ length: 40 }, async (_, index) => {
          // Not all at once: the later ones meet the first in the middle of its work.
          await new Promise((resolve) => setTimeout(resolve, (index * round) / 200));
          return takeLock(path, self);
        }),
      );
      const taken = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
      for (const end of ends)
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'run_locked' });
      expect(taken).toHaveLength(1);
      await taken[0]?.();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test('of a living process is respected', async () => {
    const path = join(work, 'live', 'lock');
    await mkdir(join(work, 'live'));
    await writeFile(path, DEAD);
    const release = await takeLock(path, self);
    await expect(takeLock(path, self)).rejects.toMatchObject({ code: 'run_locked' });
    await release();
    await (await takeLock(path, self))();
  });
});
