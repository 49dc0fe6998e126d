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

test('an honest log has each marker once and ends well', () => {
  expect(logSigns(lines(0))).toEqual([]);
  expect(logSigns(lines())).toEqual([]);
});

test('more markers, or tests that end in an error, are signs', () => {
  expect(logSigns(`>>>>> Start Test Output\n${lines(0)}`)).toEqual(['the log holds 5 markers instead of 4']);
  expect(logSigns(`${lines()}\n>>>>> End Test Output`)).toHaveLength(1);
  expect(logSigns(lines(1))).toEqual(['the tests ended with code 1']);
});
