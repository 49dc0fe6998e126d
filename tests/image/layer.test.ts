import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extract, type Header, pack } from 'tar-stream';
import {
  comparePaths,
  entriesTar,
  foldersOf,
  type LayerEntry,
  ordered,
  readEntries,
  withFolders,
  writeLayer,
} from '../../src/image/layer.js';
import { sha256 } from '../../src/util/hash.js';

const work = mkdtempSync(join(tmpdir(), 'assay-layer-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const file = (path: string, content = path, mode = 0o644): LayerEntry => ({
  path,
  kind: 'file',
  content: Buffer.from(content),
  mode,
});

async function headersOf(tar: Readable): Promise<readonly Header[]> {
  const headers: Header[] = [];
  const reader = tar.pipe(extract());
  for await (const entry of reader) {
    headers.push(entry.header);
    entry.resume();
  }
  return headers;
}

async function collect(entries: AsyncIterable<LayerEntry>): Promise<readonly LayerEntry[]> {
  const all: LayerEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
}

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'a.b', 'a-b', 'größe', '日本', 'x'.repeat(99), 'y'.repeat(101), 'ü'.repeat(100)),
  fc.stringMatching(/^[ -.0-~]{1,12}$/).filter((text) => !/^\.{1,2}$/.test(text) && !text.startsWith('.wh.')),
);
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const entry: fc.Arbitrary<LayerEntry> = fc.oneof(
  fc.record({
    path,
    kind: fc.constant('file' as const),
    content: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    mode: fc.constantFrom(0o644, 0o755, 0o600, 0o4755),
  }),
  fc.record({ path, kind: fc.constant('link' as const), target: path }),
  fc.record({ path, kind: fc.constant('folder' as const), mode: fc.constantFrom(0o755, 0o700, 0o1777) }),
);

describe('a layer', () => {
  test('has the same bytes for the same entries, in whatever order they came', async () => {
    const shuffled = fc.array(entry, { maxLength: 12 }).chain((entries) => {
      const unique = [...new Map(entries.map((one) => [one.path, one])).values()];
      return fc.tuple(
        fc.constant(unique),
        fc.shuffledSubarray(unique, { minLength: unique.length, maxLength: unique.length }),
      );
    });
    await fc.assert(
      fc.asyncProperty(shuffled, async ([entries, again]) => {
        const one = await writeLayer(withFolders(entries), join(work, 'one.tar'));
        const other = await writeLayer(withFolders(again), join(work, 'other.tar'));
        expect(other.diffId).toBe(one.diffId);
        expect(readFileSync(join(work, 'other.tar')).equals(readFileSync(join(work, 'one.tar')))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('is read back as it was written: any name, mode, link and content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
        const written = ordered(entries);
        const { file } = await writeLayer(written, join(work, 'round.tar'));
        expect(await collect(readEntries(Readable.from([readFileSync(file)])))).toEqual(written);
      }),
      { numRuns: 60 },
    );
  });

  test('is known by the hash and size of its tar', async () => {
    const layer = await writeLayer([file('a'), file('b/c')], join(work, 'hash.tar'));
    const bytes = readFileSync(layer.file);
    expect(layer).toEqual({
      file: join(work, 'hash.tar'),
      diffId: `sha256:${sha256(bytes)}`,
      bytes: bytes.length,
    });
  });

  test('has one owner and one time for everything', async () => {
    const entries = [file('a'), file('x'.repeat(300)), { path: 'b', kind: 'link', target: 'a' } as const];
    for (const header of await headersOf(entriesTar(withFolders([...entries, file('c/d')]))))
      expect(header).toMatchObject({ uid: 0, gid: 0, uname: '', gname: '', mtime: new Date('2020-01-01') });
  });

  test('hides what is deleted with the names that engines know', async () => {
    const gone = (path: string): LayerEntry => ({ path, kind: 'deletion' });
    const headers = await headersOf(entriesTar([gone('top'), gone('testbed/a b/größe.txt')]));
    expect(headers.map(({ name, size, type }) => [name, size, type])).toEqual([
      ['.wh.top', 0, 'file'],
      ['testbed/a b/.wh.größe.txt', 0, 'file'],
    ]);
  });

  test('names every folder before what is in it, with the mode given or 0755', () => {
    const entries = withFolders([file('a/b/c'), file('a-b/c'), { path: 'a/b', kind: 'folder', mode: 0o700 }]);
    expect(entries).toEqual([
      { path: 'a', kind: 'folder' },
      { path: 'a/b', kind: 'folder', mode: 0o700 },
      file('a/b/c'),
      { path: 'a-b', kind: 'folder' },
      file('a-b/c'),
    ]);
  });

  test('has the later one of two entries for a path', () => {
    expect(ordered([file('a', 'old'), file('b'), file('a', 'new')])).toEqual([file('a', 'new'), file('b')]);
  });

  test('that cannot be written is an error, also in the middle of its entries', async () => {
    await expect(writeLayer([file('a')], join(work, 'no/such/folder.tar'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
    async function* broken() {
      yield file('a');
      throw new Error('the source broke');
    }
    await expect(writeLayer(broken(), join(work, 'broken.tar'))).rejects.toThrow('the source broke');
  });

  test('on a disk that is full is an error with the code of that', async () => {
    const big = Array.from({ length: 64 }, (_, i) => file(`f${i}`, 'x'.repeat(8192)));
    await expect(writeLayer(big, '/dev/full')).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

describe('readEntries', () => {
  test('of a hostile tar keeps below the root, and drops devices, pipes and hard links', async () => {
    const tar = pack();
    for (const name of ['../../etc/cron.d/x', '/etc/passwd', 'a/../../b', './c', '..', '/', 'd//e/.'])
      tar.entry({ name }, 'x');
    const specials = ['block-device', 'character-device', 'fifo', 'link'] as const;
    for (const type of specials) tar.entry({ name: type, type, linkname: '/etc/shadow' });
    tar.entry({ name: 'out', type: 'symlink', linkname: '../../../etc' });
    tar.finalize();
    expect((await collect(readEntries(Readable.from(tar)))).map(({ path, kind }) => [path, kind])).toEqual([
      ...['etc/cron.d/x', 'etc/passwd', 'b', 'c', 'd/e'].map((path) => [path, 'file']),
      // A link is kept as one, and never followed: what is read goes into another tar.
      ['out', 'link'],
    ]);
  });

  test('rejects a tar that is cut off', async () => {
    const { file: whole } = await writeLayer([file('a', 'x'.repeat(5000))], join(work, 'cut.tar'));
    const cut = readFileSync(whole).subarray(0, 2000);
    await expect(collect(readEntries(Readable.from([cut])))).rejects.toThrow();
  });

  test('rejects with the error of the stream that it reads', async () => {
    async function* failing() {
      yield Buffer.alloc(512);
      throw new Error('the engine is gone');
    }
    await expect(collect(readEntries(Readable.from(failing())))).rejects.toThrow('the engine is gone');
  });
});

test('foldersOf gives every folder above each path once', () => {
  expect([...foldersOf(['a/b/c', 'a/b/d', 'e', 'f/g'])].sort()).toEqual(['a', 'a/b', 'f']);
});

test('comparePaths orders by bytes, part by part', () => {
  const sorted = ['a', 'a/b', 'a/b/c', 'a/ä', 'a b', 'a-b', 'a.b', 'ab', 'z', 'ä', '\uff5e', '😀'];
  expect([...sorted].reverse().sort(comparePaths)).toEqual(sorted);
});
