import { describe, expect, test } from '@jest/globals';
import { describeError, EXIT, exitCodeOf } from '../../src/cli/exit.js';
import { checkCount, parseBytes, parseSeconds, withDashes } from '../../src/cli/flags.js';
import { AssayError } from '../../src/index.js';

describe('values of flags', () => {
  test.each([
    ['90', 90],
    ['90s', 90],
    ['30m', 1800],
    ['1.5h', 5400],
  ])('%s is a time of %d s', (text, seconds) => {
    expect(parseSeconds(text, 'timeout')).toBe(seconds);
  });

  test.each([
    ['4g', 4 * 1024 ** 3],
    ['512m', 512 * 1024 ** 2],
    ['1GiB', 1024 ** 3],
    ['100', 100],
  ])('%s is a size of %d bytes', (text, bytes) => {
    expect(parseBytes(text, 'memory')).toBe(bytes);
  });

  test.each(['', 'x', '0', '-1', '3d', '1e3', 'Infinity', '4 4'])('%j is refused with an example', (text) => {
    expect(() => parseSeconds(text, 'timeout')).toThrow(/--timeout .*expected e\.g\./);
  });

  test.each([Number.NaN, -1, 0.5, Infinity, 2 ** 60])('%d is no count', (value) => {
    expect(() => checkCount(value, 'retries', 0)).toThrow(/^--retries .*a whole number from 0$/);
  });

  test('a count may be absent, or the least', () => {
    expect(() => checkCount(undefined, 'workers', 1)).not.toThrow();
    expect(() => checkCount(1, 'workers', 1)).not.toThrow();
    expect(() => checkCount(0, 'workers', 1)).toThrow();
  });
});

test('flags may have underscores, as in the reference harness; values and what follows -- may keep theirs', () => {
  expect(withDashes(['eval', '--max_workers', '4', '--run_id=a_b', '-i', 'a__b-1', '--', '--x_y'])).toEqual([
    ...['eval', '--max-workers', '4', '--run-id=a_b', '-i', 'a__b-1', '--', '--x_y'],
  ]);
});

describe('what a person sees of an error', () => {
  test('is what happened, the evidence and what to do next', () => {
    const text = describeError(
      new AssayError('run_not_found', 'x is not a run folder', { detail: 'evidence' }),
    );
    expect(text).toBe(
      'assay: x is not a run folder [run_not_found]\nevidence\n  -> Give the path of a run folder (it holds run.json).',
    );
  });

  test('maps to the documented exit codes', () => {
    const codes = (['usage', 'engine_unavailable', 'internal', 'interrupted', 'run_changed'] as const).map(
      (code) => exitCodeOf(new AssayError(code, '')),
    );
    expect(codes).toEqual([EXIT.usage, EXIT.environment, EXIT.fault, EXIT.interrupted, EXIT.usage]);
  });
});
