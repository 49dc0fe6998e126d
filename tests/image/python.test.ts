import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildRequirements, choosePython } from '../../src/image/python.js';

describe('choosePython', () => {
  const labels = { 'assay.base.pythons': '3.11.2 3.6.15 3.9.18' };

  test('takes the interpreter of the requested minor version', () => {
    expect(choosePython('3.9', labels)).toEqual({
      command: 'python3.9',
      version: '3.9.18',
      asRequested: true,
    });
    expect(choosePython('3.9.20', labels).version).toBe('3.9.18');
  });

  test('takes the first one, python3, when it is of the requested version', () => {
    expect(choosePython('3.11', labels)).toEqual({
      command: 'python3',
      version: '3.11.2',
      asRequested: true,
    });
  });

  test('falls back to python3 and says that this is not what was asked for', () => {
    expect(choosePython('3.10', labels)).toEqual({
      command: 'python3',
      version: '3.11.2',
      asRequested: false,
    });
    expect(choosePython('3.10', {}).version).toBe('unknown');
  });
});

describe('buildRequirements', () => {
  test('reads a list over several lines with comments', () => {
    const text = `[build-system]
requires = [
  # sync with setup.py until we discard non-pep-517/518
  "setuptools>=40.0", # why
  'setuptools-scm[toml]>=3.4',
  "wheel",
]
build-backend = "setuptools.build_meta"

[tool.other]
requires = ["nothing"]
`;
    expect(buildRequirements(text)).toEqual([
      'setuptools',
      'setuptools-scm[toml]>=3.4',
      'setuptools>=40.0',
      'wheel',
    ]);
  });

  test('gives what pip assumes where the file or the table is missing', () => {
    const assumed = ['setuptools', 'setuptools>=40.8.0', 'wheel'];
    expect(buildRequirements(undefined)).toEqual(assumed);
    expect(buildRequirements('[tool.black]\nline-length = 100\n')).toEqual(assumed);
  });

  test('adds what hatchling asks for through its editable hook', () => {
    expect(buildRequirements('[build-system]\nrequires = ["hatchling"]\n')).toEqual([
      'editables',
      'hatchling',
    ]);
  });

  test('ends quickly on any text', () => {
    const word = fc.constantFrom(
      '[build-system]',
      '\n',
      'requires',
      ' ',
      '=',
      '[',
      '"a"',
      "'",
      '"',
      ',',
      '#',
      ']',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 200 }), (words) => {
        const from = performance.now();
        buildRequirements(`[build-system]\nrequires = [${words.join('')}`);
        expect(performance.now() - from).toBeLessThan(100);
      }),
    );
  });
});
