import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildRequirements } from '../../src/image/python.js';
import { cpuSeconds } from '../helpers/cpu.js';

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

  test('gives pip what it assumes where the list is not one that it reads', () => {
    const assumed = ['setuptools', 'setuptools>=40.8.0', 'wheel'];
    expect(buildRequirements('[build-system]\nrequires = [ name ]\n')).toEqual(assumed);
    expect(buildRequirements('[build-system]\nbuild-backend = "x"\n')).toEqual(assumed);
  });

  test('keeps markers and extras, and reads an empty list as none of its own', () => {
    const text = `[build-system]
requires = ["oldest-supported-numpy; python_version < '3.9'", 'x[a,b]>=1']`;
    expect(buildRequirements(text)).toEqual([
      "oldest-supported-numpy; python_version < '3.9'",
      'setuptools',
      'wheel',
      'x[a,b]>=1',
    ]);
    expect(buildRequirements('[build-system]\nrequires = []\n')).toEqual(['setuptools', 'wheel']);
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
        const text = `[build-system]\nrequires = [${words.join('')}`;
        expect(cpuSeconds(() => buildRequirements(text))).toBeLessThan(1);
      }),
    );
  });
});
