import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mirrorOf } from '../../src/image/mirror.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { git, repositoryWithFuture } from './git-repo.js';

function setting() {
  const { dir, base } = repositoryWithFuture();
  const log: string[] = [];
  const cacheDir = mkdtempSync(join(tmpdir(), 'assay-cache-'));
  const mirror = (commit: string, from = dir, offline = false) =>
    mirrorOf({
      repo: 'owner/repo',
      given: new Map([['owner/repo', from]]),
      cacheDir,
      commit,
      offline,
      owner: identifyProcess(process.pid) as ProcessIdentity,
      signal: new AbortController().signal,
      onLog: (line) => log.push(line),
    });
  return { dir, base, cacheDir, mirror, log };
}

describe('mirrorOf', () => {
  test('clones once, and then needs the source no more', async () => {
    const { base, mirror, log } = setting();
    const path = await mirror(base);
    expect(git(path, 'cat-file', '-t', base)).toBe('commit');
    expect(await mirror(base, '/nowhere')).toBe(path);
    expect(log).toHaveLength(1);
  });

  test('fetches what a mirror lacks, into the mirror that others may be reading', async () => {
    const { dir, base, mirror } = setting();
    const path = await mirror(base);
    writeFileSync(join(dir, 'a.txt'), 'newer\n');
    git(dir, 'commit', '-q', '-a', '-m', 'newer');
    const newer = git(dir, 'rev-parse', 'HEAD');
    expect(await mirror(newer)).toBe(path);
    expect(git(path, 'cat-file', '-t', newer)).toBe('commit');
    expect(git(path, 'cat-file', '-t', base)).toBe('commit');
  });

  test('offline is fetched from a path alone', async () => {
    const { base, mirror, log } = setting();
    await expect(mirror(base, 'https://example.invalid/owner/repo.git', true)).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringContaining('--offline fetches nothing; --mirror owner/repo=PATH'),
    });
    expect(log).toEqual([]);
    const path = await mirror(base, undefined, true);
    expect(await mirror(base, 'https://example.invalid/owner/repo.git', true)).toBe(path);
  });

  test('is made once when many ask at the same time', async () => {
    const { base, mirror, log } = setting();
    const paths = await Promise.all([mirror(base), mirror(base), mirror(base)]);
    expect(new Set(paths).size).toBe(1);
    expect(log.filter((line) => line.includes('fetching'))).toHaveLength(1);
  });

  test('says which source lacks a commit, and how to name another when it cannot be read', async () => {
    const { dir, mirror } = setting();
    await expect(mirror('0'.repeat(40))).rejects.toMatchObject({
      code: 'image_build_failed',
      message: expect.stringContaining(`${dir} doesn't hold commit 000`),
    });
    await expect(setting().mirror('1'.repeat(40), '/nowhere')).rejects.toMatchObject({
      code: 'image_build_failed',
      detail: expect.stringContaining('--mirror owner/repo=PATH'),
    });
  });
});
