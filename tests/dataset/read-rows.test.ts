import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { loadRows } from '../../src/dataset/load.js';
import { readRows } from '../../src/dataset/read-rows.js';
import { AssayError } from '../../src/errors.js';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => {
      if (error instanceof AssayError) return `${error.code}: ${error.message}`;
      throw error;
    },
  );
const instances = async (path: string) => {
  const { rows } = await readRows(path);
  return toInstances({ rows, formats: [sweRebenchV2], file: path });
};

describe('a file of rows', () => {
  test('gives the same Instances and hashes from Parquet, JSON lines and JSON, each also gzip', async () => {
    const parquet = join(fixtures, 'rows.parquet');
    const lines = await readFile(join(fixtures, 'rows.jsonl'), 'utf8');
    const list = `[${lines.trim().split('\n').join(',')}]`;
    const expected = await instances(parquet);
    expect(expected).toHaveLength(3);
    expect(expected[1]).toMatchObject({
      instanceId: 'demo__adder-2',
      testPatch: '\ufeffstarts with a byte order mark',
      problemStatement: 'Ädd is wrong 😀\r\n',
      failToPass: ['test_add', 'test_ä'],
      createdAt: '2020-12-30T03:14:33.002Z',
      installConfig: { log_parser: 'parse_log_pytest', test_cmd: ['pytest'] },
    });
    for (const [name, content] of [
      ['rows.jsonl', lines],
      ['crlf.jsonl', `\ufeff${lines.replaceAll('\n', '\r\n')}\r\n\r\n`],
      ['rows.jsonl.gz', gzipSync(lines)],
      ['rows.json', list],
      ['rows.json.gz', gzipSync(list)],
      ['lines.json', lines],
      ['rows.parquet.gz', gzipSync(await readFile(parquet))],
    ] as const)
      expect(await instances(await written(name, content))).toEqual(expected);
  });

  test('may hold one row as a JSON object', async () => {
    expect((await readRows(await written('one.json', '{"a":1}'))).rows).toEqual([{ a: 1 }]);
  });

  test('keeps rows apart that hold newlines of other scripts', async () => {
    const path = await written('u2028.jsonl', '{"a":"\u2028\u2029"}\n{"a":2}\n');
    expect((await readRows(path)).rows).toHaveLength(2);
  });

  test.each([
    ['bad.jsonl', '{"a":1}\n{"a":\n', /^bad_dataset: bad\.jsonl:2: /],
    [
      'latin1.jsonl',
      Buffer.from('{"a":1}\n{"a":"\xe9"}', 'latin1'),
      /^bad_dataset: latin1\.jsonl:2: not UTF-8 text \(first bad byte near offset \d\)/,
    ],
    ['bad.json', '{"a":', /^bad_dataset: bad\.json: /],
    ['text.json', '"a"', /^bad_dataset: text\.json: expected a list or an object, got "a"/],
    ['empty.jsonl', '\n', /^bad_dataset: empty\.jsonl: holds no rows/],
    ['bad.parquet', 'PAR1PAR1', /^bad_dataset: bad\.parquet: not a readable Parquet file/],
    [
      'cut.jsonl.gz',
      gzipSync('{"a":1}\n{}').subarray(0, 20),
      /^bad_dataset: .*cut\.jsonl\.gz: unexpected end of file/,
    ],
    ['rows.csv', 'a,b', /^unknown_dataset: .*not a \.parquet, \.jsonl or \.json file/],
  ])('%s is a clear error', async (name, content, expected) => {
    expect(await failure(readRows(await written(name, content)))).toMatch(expected);
  });

  test('a Parquet file whose schema names other columns than its row groups is a clear error', async () => {
    const bytes = await readFile(join(fixtures, 'rows.parquet'));
    bytes.write('IMAGE', bytes.indexOf('image_name', Math.floor(bytes.length * 0.39)));
    expect(await failure(readRows(await written('renamed.parquet', bytes)))).toBe(
      'bad_dataset: renamed.parquet: not a readable Parquet file: a row group has other columns than the schema',
    );
  });
});

describe('the source of rows', () => {
  const hub = { endpoint: 'http://127.0.0.1:1', offline: true, cacheDir: '/nowhere' };
  const load = (source: string) =>
    loadRows({
      source,
      aliases: { demo: { file: join(fixtures, 'rows.jsonl') } },
      cwd: folder,
      cacheDir: folder,
      hub,
    });

  test('may be an alias for a file that we ship', async () => {
    expect(await load('Demo')).toMatchObject({ name: 'rows.jsonl', revision: 'local' });
  });

  test('may be a path relative to the working folder', async () => {
    await written('rel.jsonl', '{"a":1}');
    expect(await load('rel.jsonl')).toMatchObject({ name: 'rel.jsonl', rows: [{ a: 1 }] });
  });

  test.each([
    ['demos', 'no such dataset; did you mean demo?'],
    ['missing.jsonl', 'no such file'],
    ['.', 'is a folder'],
    ['../../etc/passwd', 'not a .parquet'],
    ['a/../b', 'no such dataset'],
    ['__proto__', 'no such dataset'],
  ])('%s is unknown', async (source, expected) => {
    expect(await failure(load(source))).toMatch(/^unknown_dataset: /);
    expect(await failure(load(source))).toContain(expected);
  });
});

test('files of mangled bytes: rows or a bad_dataset error, soon', async () => {
  const sources = await Promise.all(
    ['rows.parquet', 'rows.jsonl'].map((name) => readFile(join(fixtures, name))),
  );
  // The footer, which holds the schema, is the last half of the Parquet file.
  const at = fc.oneof(...[0, 0.4].map((min) => fc.double({ min, max: 1, noNaN: true })));
  const edit = fc.record({ at, byte: fc.oneof(fc.constant(255), fc.integer({ min: 0, max: 255 })) });
  const leaked: unknown[] = [];
  const onLeak = (reason: unknown) => leaked.push(reason);
  process.on('unhandledRejection', onLeak);
  const mangled = fc.record({
    source: fc.constantFrom(0, 1),
    edits: fc.array(edit, { maxLength: 6 }),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
    packed: fc.boolean(),
  });
  const counts = { good: 0, bad: 0 };
  await fc.assert(
    fc.asyncProperty(mangled, async ({ source, edits, cut, packed }) => {
      const whole = Buffer.from(sources[source] ?? '');
      for (const { at, byte } of edits) whole[Math.floor(at * (whole.length - 1))] = byte;
      const bytes = whole.subarray(0, cut === null ? whole.length : Math.floor(cut * whole.length));
      const name = source === 0 ? 'mangled.parquet' : 'mangled.jsonl';
      const path = await written(name, packed ? gzipSync(bytes) : bytes);
      const start = performance.now();
      const result = await failure(readRows(path));
      expect(performance.now() - start).toBeLessThan(5000);
      if (result === 'no error') counts.good++;
      else {
        counts.bad++;
        expect(result).toMatch(/^bad_dataset: /);
      }
    }),
    { numRuns: 2000 },
  );
  process.off('unhandledRejection', onLeak);
  expect(leaked).toEqual([]);
  expect(Math.min(counts.good, counts.bad)).toBeGreaterThan(100);
}, 120_000);
