import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  lineAt,
  logBuilder,
  matchingLines,
  namesOf,
  textPattern,
  withoutColours,
} from '../../../reports/html/app/parts/log-lines.js';

function read(...chunks: readonly string[]) {
  const builder = logBuilder();
  for (const chunk of chunks) builder.push(chunk);
  builder.end();
  return builder.text();
}

const linesOf = (log: ReturnType<typeof read>) =>
  Array.from({ length: log.lines }, (_, index) => lineAt(log, index));
const found = (log: ReturnType<typeof read>, text: string) =>
  log.blocks.flatMap((block) => matchingLines(block, textPattern(text)));

describe('the lines of a log', () => {
  test('are those that the grader reads, whatever ends them and wherever the pieces are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'bc', '\n', '\r', '\r\n', '')), (chunks) => {
        const whole = chunks.join('').replace(/\r\n?/g, '\n');
        const expected = whole.replace(/\n$/, '').split('\n');
        expect(linesOf(read(...chunks))).toEqual(whole === '' ? [] : expected);
      }),
    );
  });

  test('are found in a log of many blocks, and beyond its end there is none', () => {
    const all = Array.from({ length: 60_000 }, (_, index) => `line ${index} ${'x'.repeat(index % 40)}`);
    const log = read(...(all.join('\n').match(/[\s\S]{1,65536}/g) ?? []));
    expect(log.blocks.length).toBeGreaterThan(3);
    expect(log.lines).toBe(all.length);
    for (const index of [0, 1, 12_345, 30_000, 59_999]) expect(lineAt(log, index)).toBe(all[index]);
    expect(lineAt(log, 60_000)).toBe('');
  });

  test('may be one of many megabytes', () => {
    const log = read(...Array.from({ length: 200 }, () => 'y'.repeat(65_536)));
    expect([log.lines, lineAt(log, 0).length]).toEqual([1, 200 * 65_536]);
  });

  test('are found by a text in any case, each once, with no character a pattern', () => {
    const log = read('one [A] a\ntwo\n[a]\nİ (x\n', 'last [A]');
    expect(found(log, '[a]')).toEqual([0, 2, 4]);
    expect(found(log, '(X')).toEqual([3]);
    expect(found(log, '.*')).toEqual([]);
  });
});

test('a log has places to jump to: the tests, failures, tracebacks', () => {
  const log = read(`+ : '>>>>> Start Test Output'
FAILED tests/a.py::test_b - x
  not ok 3 - works
a FAILED b
Traceback (most recent call last):
________ test_b ________
FAIL: test_x (m.C)
E   assert 1
ERRORS
tests/a.py::test_c FAILED  [  5%]
test_y (m.C) ... ERROR
>>>>> End Test Output`);
  expect(log.marks.map(({ kind, line }) => `${kind} ${line}`)).toEqual([
    ...[
      'start 0',
      'failure 1',
      'failure 2',
      'traceback 4',
      'failure 5',
      'failure 6',
      'failure 9',
      'failure 10',
      'end 11',
    ],
  ]);
});

test('the end of the tests is found behind more failures than are kept', () => {
  const log = read(`${'FAILED a\n'.repeat(6000)}>>>>> End Test Output\n`);
  expect(log.marks.length).toBe(5001);
  expect(log.marks.at(-1)).toEqual({ kind: 'end', line: 6000 });
});

test('a test is looked for by its id, then by what runners print of it', () => {
  expect(namesOf('tests/a.py::C::test_b[x-1]')).toEqual([
    'tests/a.py::C::test_b[x-1]',
    'test_b[x-1]',
    'test_b',
  ]);
  expect(namesOf('test_x (mod.Class)')).toEqual(['test_x (mod.Class)', 'test_x']);
  expect(namesOf('parse > joins rows')).toEqual(['parse > joins rows', 'joins rows']);
  expect(namesOf('plain')).toEqual(['plain']);
});

test('colours and titles of a terminal are left out, other controls stay to be seen', () => {
  expect(withoutColours('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007x\u001bc')).toBe('red x\u001bc');
});
