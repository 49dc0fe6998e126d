import { expect, test } from '@jest/globals';
import { logSigns } from '../../src/integrity/log.js';

const lines = (code?: number) =>
  [
    "+ : '>>>>> Start Test Output'",
    'ok',
    "+ : '>>>>> End Test Output'",
    ...(code === undefined
      ? []
      : [`+ echo '>>>>> Test Exit Code: ${code}'`, `>>>>> Test Exit Code: ${code}`]),
  ].join('\n');

/** A script of this kind. */
const script = (code?: number) => (code === undefined ? '' : "echo '>>>>> Test Exit Code: $code'");
const signs = (log: string, code?: number) => logSigns(log, script(code));

test('an honest log has each marker once and ends well', () => {
  expect(signs(lines(0), 0)).toEqual([]);
  expect(signs(lines())).toEqual([]);
});

test('more markers, or tests that end in an error, are signs', () => {
  expect(signs(`>>>>> Start Test Output\n${lines(0)}`, 0)).toEqual(['the log holds 5 markers instead of 4']);
  expect(signs(`${lines()}\n>>>>> End Test Output`)).toHaveLength(1);
  expect(signs(lines(1), 1)).toEqual(['the tests ended with code 1']);
});

test('a script that says no exit code has none in its log, and its log tells of failures', () => {
  const log = lines();
  expect(signs(`${log}\n>>>>> End Test Output\n>>>>> Test Exit Code: 0`)).toHaveLength(1);
  for (const line of [
    'Traceback (most recent call last):',
    'FAILED (failures=1)',
    'not ok 3 - adds',
    '=== 1 failed in 0.1s ===',
  ])
    expect(signs(log.replace('ok', line))).toEqual(['the log speaks of a failure']);
  for (const line of [
    'PASSED test_errors.py::test_failed',
    'test_error (tests.A) ... ok',
    '=== 3 passed in 0.1s ===',
  ])
    expect(signs(log.replace('ok', line))).toEqual([]);
});
