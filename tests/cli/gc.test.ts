import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { collectGarbage } from '../../src/cli/gc.js';
import { halfMade, unused } from '../../src/cli/gc-files.js';
import { takeLock } from '../../src/util/lock.js';
import { testHost } from '../helpers/host.js';
import { fakeStore } from '../image/fake-store.js';

/** A process id that no process can have. */
const DEAD = 999_999_999;
const ME = process.pid;
const { signal } = new AbortController();

let work = '';
let host: ReturnType<typeof testHost>;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-gc-'));
  host = testHost(work);
});
afterEach(() => rm(work, { recursive: true, force: true }));

async function put(path: string, content = 'x'): Promise<string> {
  const file = join(host.cacheDir, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const pathsOf = (left: readonly { readonly path: string }[]) => left.map(({ path }) => path);

describe('half-made files of the cache', () => {
  test('are those of processes that live no more', async () => {
    const gone = [
      `durations.json.${DEAD}.0123abcd.tmp`,
      `serve/i/a/1/verdict.json.${DEAD}.0123abcd.tmp`,
      `byte-code/0123456789abcdef.tar.${DEAD}`,
      `local/images/.tmp-${DEAD}-abc/start/root/a.txt`,
      `local/workspaces/.tmp-${DEAD}-abc`,
      `work/${DEAD}-abc/file`,
      'work/assay.eval.x/layer.tar',
      'mirrors/a+b.git.new/HEAD',
      `worker/${DEAD}.17/key/patch.diff`,
    ];
    const kept = [
      'durations.json',
      `durations.json.${ME}.0123abcd.tmp`,
      'byte-code/0123456789abcdef.tar',
      `local/images/.tmp-${ME}-abc/start`,
      `work/${ME}-abc/file`,
      `worker/${ME}.${host.self.started}/key`,
      'mirrors/a+b.git/HEAD',
      // What is inside of clones and images may have any name.
      `mirrors/a+b.git/x.${DEAD}.0123abcd.tmp`,
      `local/images/0123/start/root/x.${DEAD}.0123abcd.tmp`,
    ];
    for (const path of [...gone, ...kept]) await put(path);
    expect(pathsOf(await halfMade(host.cacheDir))).toEqual([
      `byte-code/0123456789abcdef.tar.${DEAD}`,
      `durations.json.${DEAD}.0123abcd.tmp`,
      `local/images/.tmp-${DEAD}-abc`,
      `local/workspaces/.tmp-${DEAD}-abc`,
      'mirrors/a+b.git.new',
      `serve/i/a/1/verdict.json.${DEAD}.0123abcd.tmp`,
      `work/${DEAD}-abc`,
      'work/assay.eval.x',
      `worker/${DEAD}.17`,
    ]);
  });

  test('are not those of a build or a clone that goes on, here or on another host', async () => {
    await put('work/assay.eval.x/layer.tar');
    await put('work/assay.eval.y/layer.tar');
    await put('mirrors/a+b.git.new/HEAD');
    const locks = await Promise.all(
      ['build-locks/assay.eval.x', 'mirrors/a+b.git.lock'].map((path) =>
        takeLock(join(host.cacheDir, path), host.self),
      ),
    );
    await put(
      'build-locks/assay.eval.y',
      JSON.stringify({ pid: 1, started: '1', host: `not-${hostname()}` }),
    );
    expect(await halfMade(host.cacheDir)).toEqual([]);
    await Promise.all(locks.map((release) => release()));
    expect(pathsOf(await halfMade(host.cacheDir))).toEqual(['mirrors/a+b.git.new', 'work/assay.eval.x']);
  });

  test('are none where there is no cache', async () => {
    expect(await halfMade(join(work, 'nowhere'))).toEqual([]);
  });
});

test('unused are byte code of layers that no image has, and logs of builds that are over', async () => {
  await put('byte-code/aaaaaaaaaaaaaaaa.tar');
  await put('byte-code/bbbbbbbbbbbbbbbb.tar');
  await put('build-logs/assay.eval.x.log');
  await put('build-logs/assay.eval.y.log');
  const release = await takeLock(join(host.cacheDir, 'build-locks/assay.eval.y'), host.self);
  const images = fakeStore({
    images: {
      'assay.env.1:latest': { id: 'assay.env.1:latest', layers: { [`sha256:${'a'.repeat(64)}`]: 1 } },
    },
  });
  expect(await unused(host.cacheDir, { images, signal })).toEqual([
    { path: 'build-logs/assay.eval.x.log', bytes: expect.any(Number), why: 'unused' },
    { path: 'byte-code/bbbbbbbbbbbbbbbb.tar', bytes: expect.any(Number), why: 'unused' },
  ]);
  await release();
});

describe('assay gc', () => {
  const gc = (args: object) =>
    collectGarbage(
      { containers: false, cache: false, yes: false, 'dry-run': false, json: true, engine: 'local', ...args },
      host,
    );
  /** A workspace of the local engine. */
  const workspace = async (id: string, pid: number, started: string) => {
    const labels = {
      'assay.host': hostname(),
      'assay.run': 'r',
      'assay.pid': String(pid),
      'assay.started': started,
    };
    await put(`local/workspaces/${id}.json`, JSON.stringify({ name: id, labels }));
    await put(`local/workspaces/${id}/root/file`);
  };

  test('removes workspaces and half-made files of processes that live no more, after a dry run that removes nothing', async () => {
    await workspace('aaaa', DEAD, '1');
    await workspace('bbbb', ME, host.self.started);
    const damaged = await put('local/workspaces/cccc.json', '{"name": "cc');
    const file = await put(`a.json.${DEAD}.0123abcd.tmp`);
    await gc({ 'dry-run': true });
    expect(JSON.parse(host.printed[0] ?? '')).toEqual({
      ...{ dryRun: true, removed: [], orphans: [{ run: 'r', pid: DEAD }] },
      files: [{ path: `a.json.${DEAD}.0123abcd.tmp`, bytes: expect.any(Number), why: 'half-made' }],
      freedBytes: expect.any(Number),
    });
    const at = (id: string) => existsSync(join(host.cacheDir, 'local', 'workspaces', id));
    expect([at('aaaa'), existsSync(damaged), existsSync(file)]).toEqual([true, true, true]);
    await gc({});
    expect(JSON.parse(host.printed[1] ?? '').removed.sort()).toEqual(['aaaa', 'cccc']);
    expect([at('aaaa'), at('bbbb'), existsSync(damaged), existsSync(file)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test('--containers leaves the files alone', async () => {
    await workspace('aaaa', DEAD, '1');
    const file = await put(`a.json.${DEAD}.0123abcd.tmp`);
    await gc({ containers: true });
    expect(JSON.parse(host.printed[0] ?? '')).toMatchObject({ removed: ['aaaa'], files: [] });
    expect(existsSync(file)).toBe(true);
  });

  test('--cache asks for --yes', async () => {
    await expect(gc({ cache: true })).rejects.toThrow(/removed with --yes/);
  });
});
