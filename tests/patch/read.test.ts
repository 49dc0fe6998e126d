import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AssayError } from '../../src/errors.js';
import type { Instance } from '../../src/model/instance.js';
import { type PredictionsOptions, readPredictions } from '../../src/patch/read.js';
import { sha256 } from '../../src/util/hash.js';

const DIFF = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n';
const instances = ['demo__adder-1', 'demo__adder-2', 'demo__adder.py-3'].map(
  (instanceId): Instance => ({
    schemaVersion: 1,
    instanceId,
    repo: 'demo/adder',
    baseCommit: 'c',
    language: 'python',
    problemStatement: '',
    patch: `gold of ${instanceId}`,
    testPatch: '',
    failToPass: [],
    passToPass: [],
    rowFormat: 'swe-bench-2026',
    rowHash: '',
  }),
);
const item = (n: number, patch: unknown = DIFF, model: unknown = 'm') => ({
  instance_id: `demo__adder-${n}`,
  model_name_or_path: model,
  model_patch: patch,
});
const lines = (...items: unknown[]) => items.map((value) => `${JSON.stringify(value)}\n`).join('');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-preds-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), content);
  return name;
}
const read = (source: string, options: Partial<PredictionsOptions> = {}) =>
  readPredictions({ source, cwd: folder, instances, ...options });
const failure = async (source: string, options: Partial<PredictionsOptions> = {}) =>
  read(source, options).then(
    () => 'no error',
    (error: unknown) => {
      if (error instanceof AssayError) return `${error.code}: ${error.message}`;
      throw error;
    },
  );
const ids = (result: { predictions: readonly { instanceId: string; attempt: number; model: string }[] }) =>
  result.predictions.map(({ instanceId, attempt, model }) => `${instanceId} ${attempt} ${model}`);

describe('formats of predictions', () => {
  const two = ['demo__adder-1 1 m', 'demo__adder-2 1 m'];
  test.each<[string, string | Uint8Array]>([
    ['p.jsonl', lines(item(1), item(2))],
    ['bom.jsonl', `\ufeff\r\n${lines(item(1), item(2)).replaceAll('\n', '\r\n')}`],
    ['p.jsonl.gz', gzipSync(lines(item(1), item(2)))],
    ['p.json', JSON.stringify([item(1), item(2)])],
    ['lines.json', lines(item(1), item(2))],
    [
      'map.json',
      JSON.stringify({ 'demo__adder-1': item(1), 'demo__adder-2': { ...item(2), instance_id: undefined } }),
    ],
  ])('%s', async (name, content) => {
    const result = await read(await written(name, content));
    expect(ids(result)).toEqual(two);
    expect(result.warnings).toEqual([]);
    expect(result.sha256).toBe(sha256(content));
    expect(result.predictions[0]).toEqual({
      instanceId: 'demo__adder-1',
      model: 'm',
      attempt: 1,
      patch: DIFF,
      notes: [],
    });
  });

  test('a JSON map of patches, with the model named by the option or "None"', async () => {
    const name = await written('map.json', JSON.stringify({ 'demo__adder-1': DIFF, 'demo__adder-2': null }));
    expect(ids(await read(name))).toEqual(['demo__adder-1 1 None', 'demo__adder-2 1 None']);
    expect(ids(await read(name, { model: 'mine' }))).toEqual([
      'demo__adder-1 1 mine',
      'demo__adder-2 1 mine',
    ]);
  });

  test('one prediction as a JSON object', async () => {
    expect(ids(await read(await written('one.json', JSON.stringify(item(2)))))).toEqual([
      'demo__adder-2 1 m',
    ]);
  });

  test('a folder of patch files, several attempts in order of their numbers', async () => {
    for (const name of ['demo__adder-1.10.diff', 'demo__adder-1.diff', 'demo__adder-1.2.patch', 'notes.txt'])
      await written(`f/${name}`, name);
    for (const name of ['2.diff', '10.diff', '1.diff.gz'])
      await written(`f/demo__adder-2/${name}`, name.endsWith('gz') ? gzipSync(name) : name);
    await written('f/demo__adder.py-3.diff', 'three');
    const result = await read('f', { model: 'm' });
    expect(result.predictions.map(({ instanceId, attempt, patch }) => [instanceId, attempt, patch])).toEqual([
      ['demo__adder-1', 1, 'demo__adder-1.diff'],
      ['demo__adder-1', 2, 'demo__adder-1.2.patch'],
      ['demo__adder-1', 3, 'demo__adder-1.10.diff'],
      ['demo__adder-2', 1, '1.diff.gz'],
      ['demo__adder-2', 2, '2.diff'],
      ['demo__adder-2', 3, '10.diff'],
      ['demo__adder.py-3', 1, 'three'],
    ]);
    expect(result.warnings[0]).toBe('f: not patch files, left out: notes.txt');
  });

  test('gold and empty come from the dataset', async () => {
    const gold = await read('gold');
    expect(gold.predictions[0]).toMatchObject({ patch: 'gold of demo__adder-1', model: 'gold', attempt: 1 });
    const empty = await read('empty');
    expect(empty.predictions).toHaveLength(3);
    expect(empty.predictions[2]).toMatchObject({ patch: '', model: 'empty', untouched: true });
    expect(empty.predictions[2]).not.toHaveProperty('defect');
    expect(gold.sha256).not.toBe(empty.sha256);
  });
});

describe('several predictions for one instance', () => {
  test('are attempts in file order, with a warning that names exact repeats', async () => {
    const name = await written('p.jsonl', lines(item(1, 'a'), item(2), item(1, 'b'), item(1, 'a')));
    const { predictions, warnings } = await read(name);
    expect(predictions.map(({ instanceId, attempt, patch }) => [instanceId, attempt, patch])).toEqual([
      ['demo__adder-1', 1, 'a'],
      ['demo__adder-2', 1, DIFF],
      ['demo__adder-1', 2, 'b'],
      ['demo__adder-1', 3, 'a'],
    ]);
    expect(warnings).toEqual([
      'p.jsonl: several predictions for 1 instances, kept as attempts: demo__adder-1',
      'p.jsonl: the same patch more than once for 1 instances, kept as attempts: demo__adder-1',
    ]);
  });

  test('are an error in a JSON map, where the parser would drop all but the last', async () => {
    const name = await written(
      'map.json',
      '{"demo__adder-1": {"a":[{"x":1}],"a":2}, "x": "\\"}", "demo__adder\\u002d1": "b"}',
    );
    expect(await failure(name)).toBe(
      'bad_predictions: map.json: the key "demo__adder-1" is there twice; several attempts need a list or JSON lines',
    );
  });
});

test('a JSON map with patches longer than a regular expression can match is read', async () => {
  const big = `${DIFF}${'\\"\n'.repeat(4_000_000)}`;
  const { predictions } = await read(
    await written('map.json', JSON.stringify({ 'demo__adder-1': big, 'demo__adder-2': big })),
  );
  expect(predictions.map(({ patch }) => patch === big)).toEqual([true, true]);
});

describe('the text of a patch', () => {
  test.each([
    ['no final newline', DIFF.slice(0, -1)],
    ['CRLF', DIFF.replaceAll('\n', '\r\n')],
    ['a fence and prose', `Sure:\n\`\`\`diff\n${DIFF}\`\`\`\nDone.`],
    ['NUL', 'a\0b'],
    ['white space', ' \n'],
    ['a byte order mark', `\ufeff${DIFF}`],
  ])('with %s stays exactly as it is', async (_what, patch) => {
    const name = await written('p.jsonl', lines(item(1, patch)));
    const { predictions } = await read(name);
    expect(predictions[0]?.patch).toBe(patch);
    expect(predictions[0]?.defect).toBeUndefined();
  });

  test('null and "" are a defect', async () => {
    const { predictions } = await read(await written('p.jsonl', lines(item(1, null), item(2, ''))));
    expect(predictions.map(({ patch, defect }) => [patch, defect])).toEqual([
      [null, 'empty patch'],
      ['', 'empty patch'],
    ]);
  });
});

describe('predictions that are refused', () => {
  test.each<[string, string | Uint8Array, string]>([
    [
      'p.jsonl',
      lines(item(1), { ...item(2), model_patch: undefined }),
      'p.jsonl:2 (demo__adder-2): model_patch must be a text or null, but the key is missing',
    ],
    ['p.jsonl', lines(item(1, 5)), 'p.jsonl:1 (demo__adder-1): model_patch must be a text or null, got 5'],
    ['p.jsonl', lines({ model_patch: '' }), 'p.jsonl:1: instance_id must be a text, but the key is missing'],
    ['p.jsonl', lines(item(1, '', 3)), 'p.jsonl:1 (demo__adder-1): model_name_or_path must be a text, got 3'],
    ['p.jsonl', lines(item(1, '', 'a\nb')), 'p.jsonl: not usable as a model name: "a\\nb"'],
    ['p.jsonl', '{}\n[', 'p.jsonl:2: '],
    ['p.jsonl', Buffer.from('{"a":"\xff"}', 'latin1'), 'p.jsonl:1: not UTF-8 text'],
    ['p.json', '5', 'p.json: expected a list or an object, got 5'],
    ['p.json', '[5]', 'p.json[0]: expected an object, got 5'],
    [
      'p.json',
      '{"demo__adder-1": ["a"]}',
      'p.json["demo__adder-1"]: expected an object or the patch itself, got ["a"]',
    ],
    ['p.json', JSON.stringify({ x: item(1) }), 'p.json["x"]: its instance_id is "demo__adder-1"'],
    ['p.txt', 'x', 'expected a .jsonl or .json file'],
    ['p.jsonl', lines(item(1, '', 'a'), item(1, '', 'b')), 'p.jsonl: predictions of 2 models: a, b'],
    [
      'p.jsonl',
      lines(item(1), item(22)),
      'p.jsonl: 1 instance ids are not in the dataset: demo__adder-22 (did you mean demo__adder-2 or demo__adder-1?)',
    ],
    ['f/x.diff', Buffer.from('\xff', 'latin1'), 'x.diff: not UTF-8 text'],
    ['f/readme.txt', '', 'holds no .diff or .patch file'],
  ])('%s: %#', async (name, content, expected) => {
    const source = (await written(name, content)).split('/')[0] ?? '';
    expect(await failure(source)).toContain(expected);
    expect(await failure(source)).toMatch(/^bad_predictions: /);
  });

  test('a missing file', async () => {
    expect(await failure('none.jsonl')).toMatch(/^bad_predictions: .*none\.jsonl: no such file or folder/);
  });
});

describe('options', () => {
  test('--model picks one of several models and must exist', async () => {
    const name = await written('p.jsonl', lines(item(1, 'a', 'x'), item(1, 'b', 'y'), item(2, 'c', 'y')));
    expect(ids(await read(name, { model: 'y' }))).toEqual(['demo__adder-1 1 y', 'demo__adder-2 1 y']);
    expect(await failure(name, { model: 'z' })).toBe(
      'bad_predictions: p.jsonl: no prediction of --model "z"; it has x, y',
    );
  });
  test('unknown ids are left out with a warning where that is asked for', async () => {
    const name = await written('p.jsonl', lines(item(1), item(9)));
    const { predictions, warnings } = await read(name, { ignoreUnknown: true });
    expect(predictions).toHaveLength(1);
    expect(warnings[0]).toContain('1 instance ids are not in the dataset: demo__adder-9');
  });
  test('predictions for instances that were not chosen are left out in silence', async () => {
    const name = await written('p.jsonl', lines(item(1), item(2)));
    const knownIds = instances.map(({ instanceId }) => instanceId);
    const result = await read(name, { instances: instances.slice(1), knownIds });
    expect(ids(result)).toEqual(['demo__adder-2 1 m']);
    expect(result.warnings).toEqual([]);
  });
});

test('thousands of mangled predictions files: predictions or a bad_predictions error', async () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(null, '', DIFF, 'm', 'demo__adder-1', 'demo__adder-2', 1, [], {}),
    fc.jsonValue({ maxDepth: 2 }),
    fc.string({ unit: 'binary' }),
  );
  const prediction = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        instance_id: fc.constantFrom('demo__adder-1', 'demo__adder-2'),
        model_patch: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(null, DIFF)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record(
        { instance_id: value, model_name_or_path: value, model_patch: value },
        { requiredKeys: [] },
      ),
    },
    { weight: 1, arbitrary: value },
  );
  const content = fc.oneof(
    fc
      .array(prediction, { maxLength: 4 })
      .map((list) => list.map((entry) => JSON.stringify(entry)).join('\n')),
    fc.array(prediction, { maxLength: 4 }).map((list) => JSON.stringify(list)),
    fc
      .dictionary(fc.oneof(fc.string(), fc.constantFrom('demo__adder-1', '__proto__')), prediction)
      .map((map) => JSON.stringify(map)),
  );
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  const file = fc.record({
    name: fc.constantFrom('p.json', 'p.jsonl'),
    content,
    edits: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(edit, { maxLength: 3 }) },
    ),
    packed: fc.boolean(),
  });
  const counts = { good: 0, bad: 0 };
  await fc.assert(
    fc.asyncProperty(file, async ({ name, content: text, edits, packed }) => {
      const bytes = Buffer.from(text);
      for (const { at, byte } of edits)
        if (bytes.length > 0) bytes[Math.floor(at * (bytes.length - 1))] = byte;
      await writeFile(join(folder, name), packed ? gzipSync(bytes) : bytes);
      const result = await failure(name);
      if (result === 'no error') counts.good++;
      else {
        counts.bad++;
        expect(result).toMatch(/^bad_predictions: /);
      }
    }),
    { numRuns: 4000 },
  );
  expect(Math.min(counts.good, counts.bad)).toBeGreaterThan(100);
}, 120_000);
