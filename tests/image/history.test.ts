import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { exportHistory, fileAtCommit } from '../../src/image/history.js';
import { git, repositoryWithFuture } from './git-repo.js';

const signal = new AbortController().signal;

async function exported() {
  const { dir, base } = repositoryWithFuture();
  const tree = mkdtempSync(join(tmpdir(), 'assay-tree-'));
  const date = await exportHistory({ mirror: dir, commit: base, into: join(tree, '.git'), signal });
  git(tree, 'init', '-q');
  git(tree, 'reset', '-q', '--hard');
  return { dir, base, tree, date };
}

describe('exportHistory', () => {
  test('holds the base commit, its past and the tags of its past', async () => {
    const { base, tree, date } = await exported();
    expect(git(tree, 'rev-parse', 'HEAD')).toBe(base);
    expect(git(tree, 'log', '--all', '--format=%s')).toBe('base\nfirst');
    expect(git(tree, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\nrefs/tags/v1');
    expect(git(tree, 'describe')).toBe(`v1-1-g${base.slice(0, 7)}`);
    expect(git(tree, 'status', '--porcelain')).toBe('');
    expect(date).toBe('1612325106 +0000');
  });

  test('holds no object of the future, reachable or not', async () => {
    const { tree } = await exported();
    const objects = git(tree, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)').split('\n');
    for (const object of objects) expect(git(tree, 'cat-file', '-p', object)).not.toContain('SECRET');
    expect(git(tree, 'fsck', '--unreachable', '--no-reflogs', '--full')).toBe('');
    expect(objects).toHaveLength(git(tree, 'rev-list', '--objects', '--all').split('\n').length);
  });

  test('says which mirror lacks the commit', async () => {
    const { dir } = repositoryWithFuture();
    const into = mkdtempSync(join(tmpdir(), 'assay-tree-'));
    await expect(exportHistory({ mirror: dir, commit: '0'.repeat(40), into, signal })).rejects.toMatchObject({
      code: 'image_build_failed',
      message: `the mirror ${dir} doesn't hold commit ${'0'.repeat(40)}`,
    });
  });
});

test('fileAtCommit reads a file of the past, and tells a missing one', async () => {
  const { dir, base } = repositoryWithFuture();
  expect(await fileAtCommit({ mirror: dir, commit: base, path: 'a.txt', signal })).toBe('base\n');
  expect(await fileAtCommit({ mirror: dir, commit: base, path: 'setup.py', signal })).toBeUndefined();
});
