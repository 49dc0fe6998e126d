import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { imageStore } from '../../../src/engine/local/image-store.js';
import { type Bench, forever, makeBench, PATH } from './sandbox-helpers.js';

/** What git makes of the sample tree with our fixed author, date, message and modes, on any machine. */
const SAMPLE_COMMIT = '6d573aa7ed45da462ae3104bc680d169076d6557';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench('none');
});
afterEach(() => bench.remove());

const store = () => imageStore({ cacheDir: bench.cacheDir, path: PATH });
const request = () => ({ ref: 'sample', dir: bench.tree, workdir: '/testbed', signal: forever });
const images = async () => (await readdir(join(bench.cacheDir, 'images'))).length;

test('a tree becomes the same commit on every machine, whatever the modes, times and git settings there', async () => {
  const image = await store().importTree(request());
  expect(image.labels['assay.commit']).toBe(SAMPLE_COMMIT);
  await chmod(join(bench.tree, 'README'), 0o660);
  process.env['GIT_AUTHOR_NAME'] = 'somebody';
  const other = imageStore({ cacheDir: join(bench.folder, 'other'), path: PATH });
  try {
    expect(await other.importTree(request())).toEqual(image);
  } finally {
    delete process.env['GIT_AUTHOR_NAME'];
  }
});

test('an imported image is found by its name, with digest and size; a name that was never imported is not', async () => {
  expect(await store().inspect('sample', forever)).toBeUndefined();
  const image = await store().importTree(request());
  expect(image).toMatchObject({ ref: 'sample', sizeBytes: 40 });
  expect(image.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await store().inspect('sample', forever)).toEqual(image);
});

test('ignored, executable, linked and oddly named files are all part of the commit; a .git folder is not', async () => {
  await writeFile(join(bench.tree, '.gitignore'), 'ignored\n');
  await writeFile(join(bench.tree, 'ignored'), 'content');
  await writeFile(join(bench.tree, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
  await writeFile(join(bench.tree, 'naïve file\n"'), '');
  await writeFile(join(bench.tree, 'dos.txt'), 'a\r\nb\r\n');
  await symlink('README', join(bench.tree, 'link'));
  await mkdir(join(bench.tree, '.git'));
  await writeFile(join(bench.tree, '.git', 'config'), 'broken');
  await store().importTree(request());
  const { start } = await store().open('sample');
  const git = (...args: string[]) =>
    promisify(execFile)('git', ['-C', join(start, 'root', 'testbed'), ...args]).then(({ stdout }) => stdout);
  expect(await git('status', '--porcelain', '--ignored')).toBe('');
  const modes = (await git('ls-tree', '-r', '-z', 'HEAD'))
    .split('\0')
    .map((row) => row.replace(/ blob \w+\t/, ' '));
  expect(modes.slice(0, -1).sort()).toEqual([
    '100644 .gitignore',
    '100644 README',
    '100644 dos.txt',
    '100644 ignored',
    '100644 lib/sum.js',
    '100644 naïve file\n"',
    '100755 run.sh',
    '120000 link',
  ]);
  expect(await git('cat-file', '-s', 'HEAD:dos.txt')).toBe('6\n');
});

test('imports of one name at the same time, also by two processes, make it once', async () => {
  const [first, second] = [store(), store()];
  const results = await Promise.all(
    [first, first, first, second, second].map((one) => one.importTree(request())),
  );
  expect(new Set(results.map((image) => JSON.stringify(image))).size).toBe(1);
  expect(await images()).toBe(1);
});

test('a half-made image of a process that died does not count is not used and goes', async () => {
  await mkdir(join(bench.cacheDir, 'images', '.tmp-999999999-abc', 'start'), { recursive: true });
  expect(await store().list({})).toEqual([]);
  await store().importTree(request());
  expect((await store().list({})).map(({ ref }) => ref)).toEqual(['sample']);
  expect(await images()).toBe(1);
});

test('changed files give another image under the same name, and the old one goes when nothing names it', async () => {
  const old = await store().importTree(request());
  await writeFile(join(bench.tree, 'README'), 'a better sample\n');
  const fresh = await store().importTree(request());
  expect(fresh.digest).not.toBe(old.digest);
  expect(await store().inspect('sample', forever)).toEqual(fresh);
  await store().importTree({ ...request(), ref: 'alias' });
  await store().remove('sample');
  expect(await store().inspect('sample', forever)).toBeUndefined();
  expect(await store().inspect('alias', forever)).toMatchObject({ digest: fresh.digest });
  await store().remove('alias');
  await store().remove('alias');
  expect(await store().list({})).toEqual([]);
});

test('an aborted import rejects with the reason and leaves nothing; the next one works', async () => {
  const images = store();
  const stop = new AbortController();
  const first = images.importTree({ ...request(), signal: stop.signal });
  const second = images.importTree(request());
  stop.abort(new Error('stop'));
  await expect(first).rejects.toThrow('stop');
  expect(await second).toMatchObject({ ref: 'sample' });
  expect((await readdir(join(bench.cacheDir, 'images'))).filter((name) => name.startsWith('.tmp'))).toEqual(
    [],
  );
});

test.each(['testbed', '/', '/usr/src', '/tmp', '/home', '/a/../b', '/testbed/'])(
  'a tree cannot lie at %s',
  async (workdir) => {
    await expect(store().importTree({ ...request(), workdir })).rejects.toMatchObject({
      code: 'engine_failed',
    });
  },
);

test('a folder that is not there is an error that names it', async () => {
  const missing = store().importTree({ ...request(), dir: join(bench.folder, 'nowhere') });
  await expect(missing).rejects.toMatchObject({
    code: 'engine_failed',
    message: expect.stringContaining('nowhere'),
  });
});

test('published images are refused with the way out', async () => {
  const refusal = { code: 'image_missing', detail: expect.stringContaining('--engine docker') };
  await expect(store().pull('swebench/x:latest', { signal: forever })).rejects.toMatchObject(refusal);
});

test('what only a container engine can do is refused with the way out', async () => {
  const images = store();
  const refused = [
    () => images.load(Readable.from([]), { signal: forever }),
    () => images.push('x', { signal: forever }),
    () => images.tag('x', 'y'),
    () => images.save(['x'], forever),
    () => images.layerSizes('x', forever),
  ];
  for (const call of refused) {
    await expect(call()).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('--engine docker'),
    });
  }
});

test('a copy of the tree in another place is the same image', async () => {
  const image = await store().importTree(request());
  const copy = join(bench.folder, 'copy');
  await cp(bench.tree, copy, { recursive: true });
  expect(await store().importTree({ ...request(), dir: copy })).toEqual(image);
  expect(await images()).toBe(1);
});
