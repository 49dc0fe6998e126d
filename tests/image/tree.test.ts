import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Tree, type TreeFile, treeAt, treeChange, treeEntries } from '../../src/image/tree.js';
import { git } from './git-repo.js';

const signal = new AbortController().signal;
const file = (object: string, mode = '100644'): TreeFile => ({ mode, object });
const tree = (files: Readonly<Record<string, TreeFile>>): Tree => new Map(Object.entries(files));
const MODES = ['100644', '100755', '120000', '160000'];

/** What one sees after a layer with the change is put on top of `from`: submodules are folders, which never hide anything. */
function applied(from: Tree, { written, deleted }: ReturnType<typeof treeChange>): Tree {
  const seen = new Map(from);
  const hide = (path: string, also: boolean) => {
    for (const other of [...seen.keys()])
      if ((also && other === path) || other.startsWith(`${path}/`)) seen.delete(other);
  };
  for (const path of deleted) hide(path, true);
  for (const [path, entry] of written) {
    if (entry.mode !== '160000') hide(path, true);
    // A folder takes the place of a file above the new one.
    for (const other of [...seen.keys()]) if (path.startsWith(`${other}/`)) seen.delete(other);
    seen.set(path, entry);
  }
  return new Map([...seen].sort());
}

const anyTree: fc.Arbitrary<Tree> = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom('a', 'b', 'a.b', 'ä'), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...MODES),
      fc.constantFrom('1', '2'),
    ),
    { maxLength: 12 },
  )
  .map((entries) => {
    const files = new Map<string, TreeFile>();
    for (const [parts, mode, object] of entries) {
      const path = parts.join('/');
      for (const other of [...files.keys()])
        if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) files.delete(other);
      files.set(path, file(object, mode));
    }
    return new Map([...files].sort());
  });

describe('treeChange', () => {
  test('is nothing between equal trees, and everything from nothing', () => {
    const some = tree({ a: file('1'), 'b/c': file('2') });
    expect(treeChange(some, some)).toEqual({ written: new Map(), deleted: [] });
    expect(treeChange(undefined, some)).toEqual({ written: some, deleted: [] });
  });

  test('writes a file whose content or mode is new', () => {
    const from = tree({ a: file('1'), b: file('1'), c: file('1') });
    const to = tree({ a: file('2'), b: file('1', '100755'), c: file('1') });
    expect([...treeChange(from, to).written.keys()]).toEqual(['a', 'b']);
  });

  test('deletes the topmost folder that is no more, and files of those that stay', () => {
    const from = tree({ 'a/b/c': file('1'), 'a/b/d': file('1'), 'e/f': file('1'), 'e/g': file('1') });
    expect(treeChange(from, tree({ 'e/g': file('1') })).deleted).toEqual(['a', 'e/f']);
  });

  test('lets a file and a folder take the place of each other without a deletion', () => {
    const asFile = tree({ a: file('1') });
    const asFolder = tree({ 'a/b/c': file('1') });
    expect(treeChange(asFile, asFolder)).toEqual({ written: asFolder, deleted: [] });
    expect(treeChange(asFolder, asFile)).toEqual({ written: asFile, deleted: [] });
  });

  test('empties a folder that becomes a submodule', () => {
    const change = treeChange(tree({ 'a/b': file('1') }), tree({ a: file('2', '160000') }));
    expect(change.deleted).toEqual(['a/b']);
  });

  test('turns any tree into any other', () => {
    fc.assert(
      fc.property(anyTree, anyTree, (from, to) => {
        const change = treeChange(from, to);
        expect(applied(from, change)).toEqual(to);
        for (const [path, entry] of change.written) expect(from.get(path)).not.toEqual(entry);
        // An engine may read a layer's deletions before or after its files.
        for (const gone of change.deleted)
          for (const path of change.written.keys()) expect(`${path}/`.startsWith(`${gone}/`)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the files of a commit', () => {
  const dir = mkdtempSync(join(tmpdir(), 'assay-repo-'));
  git(dir, 'init', '-q');
  mkdirSync(join(dir, 'docs'));
  const names = ['plain.txt', 'tab\tand space', 'line\nbreak', 'docs/größe €.txt', '"quoted"'];
  for (const name of names) writeFileSync(join(dir, name), `content of ${name}`);
  writeFileSync(join(dir, 'bytes'), Buffer.from([0, 255, 10, 13, 0]));
  writeFileSync(join(dir, 'empty'), '');
  writeFileSync(join(dir, 'run.sh'), 'true\n');
  chmodSync(join(dir, 'run.sh'), 0o775);
  symlinkSync('docs/größe €.txt', join(dir, 'link'));
  git(dir, 'add', '-A');
  git(dir, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},vendor/module`);
  git(dir, 'commit', '-q', '-m', 'files');
  const commit = git(dir, 'rev-parse', 'HEAD');

  test('are read with their names, modes and contents as they are', async () => {
    const to = await treeAt({ repository: dir, commit, signal });
    const entries = await treeEntries({
      repository: dir,
      change: treeChange(undefined, to),
      root: 'testbed',
      signal,
    });
    const byPath = new Map(entries.map((entry) => [entry.path, entry]));
    for (const name of names)
      expect(byPath.get(`testbed/${name}`)).toEqual({
        path: `testbed/${name}`,
        kind: 'file',
        mode: 0o644,
        content: Buffer.from(`content of ${name}`),
      });
    expect(byPath.get('testbed/bytes')).toMatchObject({ content: Buffer.from([0, 255, 10, 13, 0]) });
    expect(byPath.get('testbed/empty')).toMatchObject({ content: Buffer.from('') });
    expect(byPath.get('testbed/run.sh')).toMatchObject({ mode: 0o755 });
    expect(byPath.get('testbed/link')).toEqual({
      path: 'testbed/link',
      kind: 'link',
      target: 'docs/größe €.txt',
    });
    expect(byPath.get('testbed/vendor/module')).toEqual({ path: 'testbed/vendor/module', kind: 'folder' });
    expect(byPath.size).toBe(names.length + 5);
  });

  test('that are gone are deletions', async () => {
    const from = await treeAt({ repository: dir, commit, signal });
    const to = new Map([...from].filter(([path]) => !path.startsWith('docs/')));
    expect(
      await treeEntries({ repository: dir, change: treeChange(from, to), root: 'testbed', signal }),
    ).toEqual([{ path: 'testbed/docs', kind: 'deletion' }]);
  });
});
