import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { plainRow, rowHash } from '../../src/dataset/row.js';
import { ROW_V1 } from '../dataset/fixtures/rows.js';
import { assay } from '../helpers/cli.js';

const FIXTURES = new URL('../dataset/fixtures/', import.meta.url).pathname;
const row = (n: number, meta?: unknown) => ({
  ...ROW_V1,
  instance_id: `demo__adder-${n}`,
  hints_text: null,
  ...(meta === undefined ? {} : { meta }),
});
const scored = (score: number) => ({
  llm_score: { difficulty_score: 1, issue_text_score: score, test_score: 0 },
});
const ROWS = [row(1, scored(1)), row(2, scored(3)), row(3), row(4, { errors: ['ImportError'] })];

let work = '';
let filter: (dataset: string, ...args: string[]) => ReturnType<typeof assay>;
const read = (name: string) => readFile(join(work, name), 'utf8');
const parsed = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-filter-'));
  filter = (dataset, ...args) =>
    assay(['dataset', 'filter', dataset, '--recipe', 'golubev2025', ...args], {
      cwd: work,
      cache: join(work, 'cache'),
    });
  await writeFile(join(work, 'rows.jsonl'), ROWS.map((each) => `${JSON.stringify(each)}\n`).join(''));
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('assay dataset filter', () => {
  test('keeps rows in order with their bytes, however these are written', async () => {
    // Spaces, escapes, CRLF, a blank line, no newline at the end.
    const lines = [
      JSON.stringify(row(1, scored(1))).replace(':', ' :  '),
      JSON.stringify(row(2, scored(3))),
      `${JSON.stringify(row(3)).replace('Adding', '\\u0041dding \u00e4')}\r`,
      '',
      JSON.stringify(row(4)).replace('}', ', "weight": 1.0e1}'),
    ];
    for (const [name, bytes] of [
      ['odd.jsonl', Buffer.from(lines.join('\n'))],
      ['odd.jsonl.gz', gzipSync(lines.join('\n'))],
    ] as const) {
      await writeFile(join(work, name), bytes);
      expect(await filter(name, '-o', 'sub/odd-kept.jsonl')).toMatchObject({ code: 0, stderr: '' });
      expect(await read('sub/odd-kept.jsonl')).toBe(`${lines[0]}\n${lines[2]}\n${lines[4]}\n`);
    }
  });

  test('prints what each rule did, and says which could not be applied', async () => {
    const { stdout } = await filter('rows.jsonl', '-o', 'out.jsonl');
    expect(stdout).toMatch(/^golubev2025@1 on rows\.jsonl \(revision local, sha256 [0-9a-f]{64}\)\n/);
    expect(stdout).toMatch(/\npatch_size +0 +0 +0 /);
    expect(stdout).toMatch(/\nmissing_names +1 +1 +3 /);
    expect(stdout).toMatch(/\nllm_score +1 +1 +2 /);
    expect(stdout).toMatch(/\ndeterminism +- +- +- +not applied: needs --validation RUN\n/);
    expect(stdout).toContain('2 of 4 rows kept: out.jsonl; the others by rule: out.dropped.jsonl\n');
    expect(stdout).toContain('Decontamination');
    expect(parsed(await read('out.dropped.jsonl'))).toEqual([
      { instance_id: 'demo__adder-2', rule: 'llm_score', reason: '3 for issue_text_score' },
      { instance_id: 'demo__adder-4', rule: 'missing_names', reason: 'ImportError' },
    ]);
  });

  test('--json is one record, and the selection comes first', async () => {
    const { stdout } = await filter('rows.jsonl', '-o', 'few.jsonl', '--json', '-n', '2');
    expect(parsed(stdout)).toEqual([
      expect.objectContaining({
        recipe: 'golubev2025@1',
        dataset: 'rows.jsonl',
        goldRuns: null,
        rows: 2,
        kept: 1,
        output: 'few.jsonl',
        droppedOutput: 'few.dropped.jsonl',
      }),
    ]);
  });

  test('writes rows of other files as JSON with the same values and hash', async () => {
    await writeFile(join(work, 'list.json'), JSON.stringify(ROWS, null, 2));
    await filter('list.json', '-o', 'from-list.jsonl');
    expect(parsed(await read('from-list.jsonl'))).toEqual([ROWS[0], ROWS[2]]);
    await filter(join(FIXTURES, 'rows.parquet'), '-o', 'from-parquet.jsonl');
    const original = parsed(await readFile(join(FIXTURES, 'rows.jsonl'), 'utf8'));
    const hashes = (rows: readonly unknown[]) => rows.map((each) => rowHash(plainRow(each)));
    expect(hashes(parsed(await read('from-parquet.jsonl')))).toEqual(hashes(original));
  });

  test('takes determinism from a validation of the same rows', async () => {
    const entry = (n: number, more: object) => ({
      ...{ instanceId: `demo__adder-${n}`, rowHash: rowHash(plainRow(ROWS[n - 1])), profile: 'rebench-v1' },
      ...{ graderVersion: '1', class: 'valid', tests: [], epochs: 5, resolved: { gold: 5, empty: 0 } },
      ...{ date: '2026-01-01T00:00:00.000Z', machine: {}, ...more },
    });
    const entries = [
      entry(1, { class: 'flaky', reason: 'gold patch: resolved 4, unresolved (tests_failed) 1' }),
      entry(2, { rowHash: 'of another row' }),
      entry(3, {}),
    ];
    await mkdir(join(work, 'run'));
    await writeFile(
      join(work, 'run', 'validation.json'),
      JSON.stringify({
        ...{ schemaVersion: 1, dataset: 'rows.jsonl', datasetRevision: 'local', datasetSha256: '' },
        ...{ date: '2026-01-01T00:00:00.000Z', entries },
      }),
    );
    const { stdout } = await filter('rows.jsonl', '-o', 'stable.jsonl', '--validation', 'run');
    expect(stdout).toMatch(/\ndeterminism +1 +1 +2 /);
    expect(stdout).toContain('\ndeterminism by run: 5 runs of each gold patch\n');
    expect(parsed(await read('stable.jsonl'))).toEqual([ROWS[2]]);
  });

  test('writes empty files when no row is kept, or none is dropped', async () => {
    expect((await filter('rows.jsonl', '-o', 'none.jsonl', '-i', 'demo__adder-2')).code).toBe(0);
    expect(await read('none.jsonl')).toBe('');
    await filter('rows.jsonl', '-o', 'none.jsonl', '-i', 'demo__adder-1');
    expect(await read('none.dropped.jsonl')).toBe('');
  });

  test.each([
    ['an unknown recipe', ['--recipe', 'other'], /no recipe other; known are golubev2025/],
    ['no recipe', [], /recipe/],
    ['an output of another kind', ['--recipe', 'golubev2025', '-o', 'x.json'], /expected a \.jsonl file/],
    [
      'its own input as output',
      ['--recipe', 'golubev2025', '-o', './rows.jsonl'],
      /would replace rows\.jsonl/,
    ],
    [
      'a folder that is no validation',
      ['--recipe', 'golubev2025', '--validation', 'cache'],
      /cache is no run of `assay validate`/,
    ],
    ['a selection of nothing', ['--recipe', 'golubev2025', '--repo', 'a/b'], /no instance is left/],
  ])('refuses %s', async (_, args, message) => {
    const output = args.includes('-o') ? [] : ['-o', 'refused.jsonl'];
    const { code, stderr } = await assay(['dataset', 'filter', 'rows.jsonl', ...args, ...output], {
      cwd: work,
      cache: join(work, 'cache'),
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(parsed(await read('rows.jsonl'))).toHaveLength(4);
  });
});
