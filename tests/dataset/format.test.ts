import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { sweBench2025, sweBench2026 } from '../../datasets/swe-bench/index.js';
import { sweRebenchV1, sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { AssayError } from '../../src/errors.js';
import { ROW_2025, ROW_2026, ROW_V1, ROW_V2 } from './fixtures/rows.js';

const formats = [sweBench2026, sweBench2025, sweRebenchV1, sweRebenchV2];
const read = (...rows: unknown[]) => toInstances({ rows, formats, file: 'rows.jsonl' });
const one = (row: unknown) => read(row)[0];
const message = (...rows: unknown[]) => {
  try {
    read(...rows);
  } catch (error) {
    if (error instanceof AssayError && error.code === 'bad_dataset') return error.message;
    throw error;
  }
  return 'no error';
};

describe('row formats', () => {
  test.each([
    [ROW_2026, 'swe-bench-2026', 'demo/adder:1'],
    [ROW_2025, 'swe-bench-2025', undefined],
    [ROW_V1, 'swe-rebench-v1', 'demo/adder-v1'],
    [ROW_V2, 'swe-rebench-v2', 'demo/adder-v2'],
  ])('are told apart by their fields: %#', (row, format, image) => {
    const instance = one(row);
    expect(instance).toMatchObject({
      rowFormat: format,
      instanceId: 'demo__adder-1',
      failToPass: ['test_add'],
      passToPass: ['test_sub', 'test_mul'],
      createdAt: '2025-05-03T10:00:00.000Z',
    });
    expect(instance?.image).toBe(image);
  });

  test('schemas are valid JSON Schema of 2020-12', () => {
    for (const { schema } of formats) expect(new Ajv2020().validateSchema(schema)).toBe(true);
  });

  test('an unknown shape is an error that lists what each format needs', () => {
    try {
      read({ id: 1, text: 'x' });
      throw new Error('no error');
    } catch (error) {
      expect(error).toBeInstanceOf(AssayError);
      expect((error as AssayError).message).toBe(
        'rows.jsonl, row 1: the fields fit no known row format; the row has id, text',
      );
      expect((error as AssayError).detail).toMatch(/swe-bench-2026: .*eval_script[\s\S]*swe-rebench-v2: /);
    }
  });

  test('the language of an unnamed row follows from its log parser', () => {
    expect(one({ ...ROW_2026, log_parser: 'parse_log_cargo' })?.language).toBe('rust');
    expect(one({ ...ROW_2026, log_parser: 'parse_log_django' })?.language).toBe('python');
    expect(one({ ...ROW_2026, language: 'javascript' })?.language).toBe('javascript');
    expect(one(ROW_V2)?.language).toBe('c');
  });
});

describe('test lists', () => {
  const lists: [unknown, string[]][] = [
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    ['["a", "b\\n\\u00e9"]', ['a', 'b\né']],
    ["['a', \"b's\", 'c\\'d', '\\\\', '\\xe9\\u00e9\\t']", ['a', "b's", "c'd", '\\', 'éé\t']],
    ["['[100%]', 'x[a, b]',]", ['[100%]', 'x[a, b]']],
    ['[]', []],
  ];
  test.each(lists)('%j is read as %j', (value, expected) => {
    expect(one({ ...ROW_2026, FAIL_TO_PASS: value })?.failToPass).toEqual(expected);
  });

  test.each([['test_a'], ['{}'], ['[1]'], ["['a' 'b']"], ["['a', b]"], ['']])(
    '%j is an error with field and value',
    (value) => {
      expect(message({ ...ROW_2026, PASS_TO_PASS: value })).toBe(
        `rows.jsonl, row 1 (demo__adder-1): field "PASS_TO_PASS" is no list of test names, got ${JSON.stringify(value)}`,
      );
    },
  );

  test('a hostile Python list takes linear time', () => {
    const text = `[${"'a\\'".repeat(200_000)}`;
    const start = performance.now();
    expect(message({ ...ROW_2026, PASS_TO_PASS: text })).toContain('is no list');
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe('dates', () => {
  test.each([
    ['2022-03-03T15:14:54Z', '2022-03-03T15:14:54.000Z'],
    ['2022-03-03 15:14:54', '2022-03-03T15:14:54.000Z'],
    ['2022-03-03', '2022-03-03T00:00:00.000Z'],
    ['2022-03-03T15:14:54.5+02:00', '2022-03-03T13:14:54.500Z'],
    [1_609_298_073_000, '2020-12-30T03:14:33.000Z'],
    [1_609_298_073_000n, '2020-12-30T03:14:33.000Z'],
    [new Date('2020-01-02'), '2020-01-02T00:00:00.000Z'],
    [null, undefined],
    ['', undefined],
  ])('%s becomes %s', (value, expected) => {
    expect(one({ ...ROW_2026, created_at: value })?.createdAt).toBe(expected);
  });

  test.each([['yesterday'], ['2022-13-45'], ['2022-02-03T99:00:00Z'], [9e20]])('%s is an error', (value) => {
    expect(message({ ...ROW_2026, created_at: value })).toContain('field "created_at" is no date');
  });
});

describe('bad rows', () => {
  test.each([
    [{ patch: undefined }, 'field "patch" is missing or null'],
    [{ patch: null }, 'field "patch" is missing or null'],
    [{ version: 4.3 }, 'field "version" must be string, got 4.3'],
    [{ FAIL_TO_PASS: 5 }, 'field "FAIL_TO_PASS" must be a list of test names, or its JSON text, got 5'],
    [{ eval_type: Array(100).fill('xyz') }, '… (601 characters)'],
    [{ base_commit: '--upload-pack=x' }, 'field "base_commit" must be a commit'],
    [{ repo: 'a/../b' }, 'field "repo" must be owner/name'],
  ])('%#: %s', (change, expected) => {
    const text = message(ROW_2025, { ...ROW_2026, instance_id: 'demo__adder-2', ...change });
    expect(text).toContain('rows.jsonl, row 2 (demo__adder-2): ');
    expect(text).toContain(expected);
  });

  test.each([['../x'], ['a/b'], ['a..b'], ['a\nb'], ['.hidden'], ['-rf'], [''], ['x'.repeat(201)], ['ä']])(
    'an instance id that is no safe file name is refused: %#',
    (id) => {
      expect(message({ ...ROW_2026, instance_id: id })).toContain('field "instance_id" must be a name');
    },
  );

  test('the same instance twice names both rows', () => {
    expect(message(ROW_2026, { ...ROW_2026, instance_id: 'x' }, ROW_2026)).toBe(
      'rows.jsonl: rows 1 and 3 both have the instance_id "demo__adder-1"',
    );
  });

  test('nesting beyond 64 levels is an error', () => {
    let meta: unknown = 1;
    for (let i = 0; i < 50_000; i++) meta = [meta];
    expect(message({ ...ROW_2026, meta })).toContain('nested deeper');
  });
});

describe('the hash of a row', () => {
  const hash = (row: unknown) => one(row)?.rowHash;
  test('does not depend on the order of fields, on nulls, or on the reader', () => {
    const turned = Object.fromEntries(Object.entries(ROW_V2).toReversed());
    expect(hash({ ...turned, meta: null })).toBe(hash(ROW_V2));
    expect(hash({ ...ROW_V2, created_at: BigInt(ROW_V2.created_at) })).toBe(hash(ROW_V2));
  });
  test('changes with any field', () => {
    expect(hash({ ...ROW_V2, test_patch: 'x' })).not.toBe(hash(ROW_V2));
  });
});

test('thousands of mangled rows: an Instance or a bad_dataset error, nothing else', () => {
  const base = fc.constantFrom<Record<string, unknown>>(ROW_2026, ROW_2025, ROW_V1, ROW_V2);
  const value = fc.oneof(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withTypedArray: true,
      withNullPrototype: true,
      maxDepth: 3,
    }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '[]', '{}', "['a'", '["a"', '2025-05', -1, 1e300, Number.NaN),
  );
  const changes = fc.dictionary(
    fc.oneof(fc.constantFrom(...Object.keys({ ...ROW_2026, ...ROW_V1, ...ROW_V2 })), fc.string()),
    value,
    { maxKeys: 4 },
  );
  const row = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(base, changes).map(([row, change]) => ({ ...row, ...change })) },
    { weight: 1, arbitrary: value },
  );
  const counts = { good: 0, bad: 0 };
  fc.assert(
    fc.property(row, (input) => {
      if (message(input) === 'no error') {
        counts.good++;
        expect(one(input)?.instanceId).toMatch(/^[A-Za-z0-9][\w.-]*$/);
      } else counts.bad++;
    }),
    { numRuns: 5000 },
  );
  expect(Math.min(counts.good, counts.bad)).toBeGreaterThan(100);
});
