import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { takeLock, withLock } from '../../src/util/lock.js';
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

test('a lock of another host is never broken, as nothing can be known of its process, and the error says how to', async () => {
  const path = join(work, 'shared', 'lock');
  await mkdir(join(work, 'shared'));
  await writeFile(path, JSON.stringify({ pid: 7, started: '1', host: 'node-of-another-name' }));
  await expect(takeLock(path, self)).rejects.toMatchObject({
    code: 'run_locked',
    message: expect.stringMatching(/^process 7 of host node-of-another-name .*remove .*lock$/),
  });
  await rm(path);
  await (await takeLock(path, self))();
});

describe('withLock', () => {
  const never = new AbortController().signal;
  const at = (name: string, messages: string[] = []) => ({
    path: join(work, 'with', name),
    owner: self,
    signal: never,
    onWait: (message: string) => void messages.push(message),
  });

  test('lets one work at a time, tells each other one once that it waits, and leaves nothing', async () => {
    let inside = 0;
    const messages: string[] = [];
    const ends = await Promise.all(
      [1, 2, 3].map((item) =>
        withLock(at('many', messages), async () => {
          expect(++inside).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 20));
          inside--;
          return item;
        }),
      ),
    );
    expect(ends).toEqual([1, 2, 3]);
    expect(messages).toEqual(
      Array(2).fill(`waiting: process ${self.pid} is working in ${join(work, 'with')}`),
    );
    expect(await readdir(join(work, 'with'))).toEqual([]);
  });

  test('frees the lock of work that failed, and gives its error', async () => {
    await expect(withLock(at('fails'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await withLock(at('fails'), async () => 'yes')).toBe('yes');
  });

  test('breaks the lock of a process that was killed', async () => {
    const child = spawn('sleep', ['600']);
    await once(child, 'spawn');
    const owner = identifyProcess(child.pid as number) as ProcessIdentity;
    await takeLock(at('killed').path, owner);
    const messages: string[] = [];
    const next = withLock(at('killed', messages), async () => 'mine');
    while (messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(await next).toBe('mine');
  });

  test('stops waiting when it is told to', async () => {
    const release = await takeLock(at('held').path, self);
    const controller = new AbortController();
    const waiting = withLock({ ...at('held'), signal: controller.signal }, async () => 'never');
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await release();
  });
});
