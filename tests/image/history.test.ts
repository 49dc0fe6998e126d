import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  checkPack,
  fileAtCommit,
  gitDirEntries,
  looseObjects,
  packOf,
  pastOf,
  workRepository,
  writeCommit,
} from '../../src/image/history.js';
import type { LayerEntry } from '../../src/image/layer.js';
import { git, gitAt, longRepository, repositoryWithFuture } from './git-repo.js';

const signal = new AbortController().signal;
const work = mkdtempSync(join(tmpdir(), 'assay-history-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function packFor(repository: string, tips: readonly string[], without: readonly string[] = []) {
  return packOf({ repository, tips, without, gitDir: '.git', work, signal });
}

function objectsIn(dir: string): readonly string[] {
  return git(dir, 'cat-file', '--batch-all-objects', '--batch-check=%(objectname)').split('\n').sort();
}

/** A folder with the entries in it. */
function unpacked(entries: readonly LayerEntry[]): string {
  const dir = mkdtempSync(join(work, 'tree-'));
  for (const entry of entries) {
    const path = join(dir, entry.path);
    mkdirSync(entry.kind === 'folder' ? path : dirname(path), { recursive: true });
    if (entry.kind === 'file') writeFileSync(path, entry.content);
  }
  return dir;
}

/** What an image's `.git` holds for a commit, as a working folder. */
async function exported(repository: string, base: string): Promise<string> {
  const { tags } = await pastOf({ repository, commit: base, signal });
  const pack = await packFor(repository, [base, ...tags.map(({ object }) => object)]);
  const dir = unpacked([
    ...gitDirEntries({ gitDir: '.git', head: base, tags, index: new Uint8Array() }),
    ...pack,
  ]);
  rmSync(join(dir, '.git/index'));
  git(dir, 'reset', '-q', '--hard');
  return dir;
}

describe('the history of an image', () => {
  test('is the base commit, its past and the tags of its past', async () => {
    const { dir, base } = repositoryWithFuture();
    const tree = await exported(dir, base);
    expect(git(tree, 'rev-parse', 'HEAD')).toBe(base);
    expect(git(tree, 'log', '--all', '--format=%s')).toBe('base\nfirst');
    expect(git(tree, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\nrefs/tags/v1');
    expect(git(tree, 'describe')).toBe(`v1-1-g${base.slice(0, 7)}`);
    expect(git(tree, 'status', '--porcelain')).toBe('');
    expect(git(tree, 'fsck', '--full', '--strict')).toBe('');
  });

  test('holds exactly the objects that the base commit and its tags lead to', async () => {
    const { dir, base } = repositoryWithFuture();
    const tree = await exported(dir, base);
    const reachable = git(dir, 'rev-list', '--objects', '--no-object-names', base, 'v1').split('\n').sort();
    expect(objectsIn(tree)).toEqual(reachable);
    for (const object of reachable) expect(git(tree, 'cat-file', '-p', object)).not.toContain('SECRET');
    expect(git(tree, 'fsck', '--unreachable', '--no-reflogs', '--full')).toBe('');
  });

  test('is cut into packs that hold each object of it', async () => {
    const { dir, base } = longRepository(400);
    const [first, second] = [git(dir, 'rev-parse', 'main~250'), git(dir, 'rev-parse', 'main~50')];
    const parts = [
      ...(await packFor(dir, [first])),
      ...(await packFor(dir, [second], [first])),
      ...(await packFor(dir, [base], [second])),
    ];
    const tree = unpacked([
      ...parts,
      ...gitDirEntries({ gitDir: '.git', head: base, tags: [], index: new Uint8Array() }),
    ]);
    const reachable = git(dir, 'rev-list', '--objects', '--no-object-names', base).split('\n').sort();
    expect([...new Set(objectsIn(tree))]).toEqual(reachable);
    expect(git(tree, 'log', '--format=%s').split('\n')).toHaveLength(400);
    expect(await packFor(dir, [first], [first])).toEqual([]);
  });
});

describe('the tags of a past', () => {
  test('are those of ancestors, without one that was made later on an old commit', async () => {
    const { dir, base } = repositoryWithFuture();
    gitAt('2021-02-03T04:05:06Z', dir, 'tag', 'light', 'v1^{commit}');
    gitAt('2021-02-03T04:05:07Z', dir, 'tag', '-a', 'late', '-m', 'a look back', 'v1^{commit}');
    git(dir, 'tag', 'of-a-file', 'v1^{commit}:a.txt');
    const { tags, seconds } = await pastOf({ repository: dir, commit: base, signal });
    expect(seconds).toBe(Date.parse('2021-02-03T04:05:06Z') / 1000);
    expect(tags).toEqual([
      { name: 'refs/tags/light', object: git(dir, 'rev-parse', 'light') },
      { name: 'refs/tags/v1', object: git(dir, 'rev-parse', 'v1') },
    ]);
  });

  test('are none where there are none', async () => {
    const { dir } = repositoryWithFuture();
    git(dir, 'tag', '-d', 'v1');
    const first = git(dir, 'rev-list', '--max-parents=0', 'main');
    expect((await pastOf({ repository: dir, commit: first, signal })).tags).toEqual([]);
  });
});

describe('a pack', () => {
  test('has the same bytes however the mirror is packed, and for two clones', async () => {
    const { dir, base } = longRepository(400);
    const anchor = git(dir, 'rev-parse', 'main~40');
    const both = async (repository: string) => [
      await packFor(repository, [anchor]),
      await packFor(repository, [base], [anchor]),
    ];
    const expected = await both(dir);
    expect(expected.map((pack) => pack.length)).toEqual([2, 2]);
    const clone = (name: string, ...how: string[]) => {
      const at = join(work, name);
      git(work, 'clone', '-q', ...how, `file://${dir}`, at);
      return at;
    };
    const loose = clone('loose', '--mirror');
    const packs = join(loose, 'objects/pack');
    mkdirSync(join(work, 'aside'));
    const moved = readdirSync(packs).filter((name) => name.endsWith('.pack'));
    for (const name of moved)
      execFileSync('bash', [
        '-c',
        `mv ${packs}/${name} ${work}/aside/ && git -C ${loose} unpack-objects -q <${work}/aside/${name}`,
      ]);
    expect(readdirSync(packs).filter((name) => name.endsWith('.pack'))).toEqual([]);
    expect(await both(loose)).toEqual(expected);

    const deep = clone('deep', '--mirror');
    git(deep, 'repack', '-q', '-adf', '--depth=250', '--window=50');
    git(deep, 'commit-graph', 'write', '--reachable');
    expect(await both(deep)).toEqual(expected);

    const collected = clone('collected');
    git(collected, 'gc', '-q', '--prune=now');
    git(collected, 'repack', '-q', '-adb');
    git(collected, 'config', 'pack.indexVersion', '1');
    git(collected, 'config', 'pack.depth', '2');
    git(collected, 'config', 'core.compression', '9');
    expect(await both(collected)).toEqual(expected);
  });

  test('ignores replacement objects of the mirror', async () => {
    const { dir, base } = repositoryWithFuture();
    const expected = await packFor(dir, [base]);
    git(dir, 'replace', `${base}^`, 'main');
    expect(await packFor(dir, [base])).toEqual(expected);
  });

  test('that holds a foreign object is refused', async () => {
    const { dir, base } = repositoryWithFuture();
    const future = await packFor(dir, ['main']);
    const index = future.find(({ path }) => path.endsWith('.idx'));
    if (index?.kind !== 'file') throw new Error('no index');
    const options = { repository: dir, tips: [base], index: Buffer.from(index.content) };
    const objectsOf = (commit: string) => git(dir, 'rev-list', '--objects', commit);
    expect(() => checkPack({ ...options, objects: objectsOf('main') })).not.toThrow();
    expect(() => checkPack({ ...options, objects: objectsOf(base) })).toThrow(
      new RegExp(`the pack for ${base} holds what is not of its past: [0-9a-f]{40}$`),
    );
  });

  test('of a commit that the repository lacks is an error with the words of git', async () => {
    const { dir } = repositoryWithFuture();
    await expect(packFor(dir, ['1'.repeat(40)])).rejects.toMatchObject({
      code: 'image_build_failed',
      message: expect.stringContaining('git rev-list in '),
      detail: expect.stringContaining('1111111'),
    });
  });
});

describe('a work repository', () => {
  test('sees the objects of another one, and what is written to it stays in it', async () => {
    const { dir, base } = repositoryWithFuture();
    const scratch = await workRepository(work, dir, signal);
    const before = objectsIn(dir);
    const tree = git(dir, 'rev-parse', `${base}^{tree}`);
    const facts = {
      repository: scratch,
      tree,
      parent: base,
      message: 'SWE-bench',
      seconds: 1_600_000_000,
      signal,
    };
    const commit = await writeCommit(facts);
    expect(await writeCommit(facts)).toBe(commit);
    expect(git(scratch, 'show', '-s', '--format=%an <%ae> %at %P%n%B', commit)).toBe(
      `SWE-bench <setup@swebench.config> 1600000000 ${base}\nSWE-bench`,
    );
    expect(objectsIn(dir)).toEqual(before);
    const path = `.git/objects/${commit.slice(0, 2)}/${commit.slice(2)}`;
    expect((await looseObjects(scratch, '.git')).map((entry) => entry.path)).toEqual([path]);
  });
});

test('fileAtCommit reads a file of the past, and tells a missing one', async () => {
  const { dir, base } = repositoryWithFuture();
  const at = { repository: dir, commit: base, signal };
  expect(await fileAtCommit({ ...at, path: 'a.txt' })).toBe('base');
  expect(await fileAtCommit({ ...at, path: 'setup.py' })).toBeUndefined();
});
