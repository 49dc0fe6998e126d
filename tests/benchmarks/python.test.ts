import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitApt } from '../../benchmarks/python/apt.js';
import { parseCondaExport, pipPins } from '../../benchmarks/python/pins.js';
import {
  patchEntries,
  resetFiles,
  sweBenchDirectives,
  sweRebenchDirectives,
} from '../../benchmarks/python/test-patch.js';
import { instance } from './instance.js';

const { testPatch } = instance();

describe('files of a test patch', () => {
  test('modified and deleted files are reset, new ones are not', () => {
    expect(resetFiles(testPatch)).toEqual(['tests/test_a.py', 'tests/data.json', 'tests/old.py']);
  });

  test('SWE-bench runs deleted files and names found inside hunks, but no data files', () => {
    expect(sweBenchDirectives('o/n', testPatch)).toEqual([
      'tests/test_a.py',
      'hunk.py',
      'tests/new.py',
      'tests/old.py',
    ]);
  });

  test('SWE-rebench leaves deleted files and hunks out', () => {
    expect(sweRebenchDirectives('o/n', testPatch)).toEqual(['tests/test_a.py', 'tests/new.py']);
  });

  test('Django gets module names', () => {
    const patch = 'diff --git a/tests/a/tests.py b/tests/a/tests.py\n--- a/tests/a/tests.py\n';
    expect(sweBenchDirectives('django/django', patch)).toEqual(['a.tests']);
  });

  test('csv is an ending without a dot', () => {
    expect(sweBenchDirectives('o/n', 'diff --git a/acsv b/acsv\ndiff --git a/b.CSV b/b.CSV\n')).toEqual([
      'b.CSV',
    ]);
  });

  test('names with spaces stay whole, and quoted ones are left to neither reset nor SWE-bench', () => {
    const patch = 'diff --git a/a b.py b/a b.py\n--- a/a b.py\ndiff --git "a/\\303.py" "b/\\303.py"\n';
    expect(resetFiles(patch)).toEqual(['a b.py']);
    expect(sweBenchDirectives('o/n', patch)).toEqual(['a b.py']);
    expect(sweRebenchDirectives('o/n', patch)).toEqual(['a b.py', '"\\303.py"']);
  });

  test('any text gives entries with a target and no exception', () => {
    const line = fc.constantFrom(
      'diff --git a/x b/x',
      'diff --git ',
      'new file mode 1',
      '@@ ',
      '"',
      '\n',
      '\u2028',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
        for (const { target } of patchEntries(lines.join('\n'))) expect(target).not.toBe('');
      }),
    );
  });
});

describe('pins of a conda environment', () => {
  test('Python packages keep their version under the name that PyPI has, others are left out', () => {
    const conda = [
      'python=3.9.20=he870216_1',
      'openssl=3.0.15=h5eee18b_0',
      'pip=24.2=py39h06a4308_0',
      'matplotlib-base=3.9.2=py39h1_0',
      'matplotlib=3.9.2=py39h0_0',
      'typing-extensions=4.12.2=hd8ed1ab_0',
      'typing_extensions=4.12.2=pyha770c72_0',
      'h5py=3.11.0=nompi_py310h1_1',
      'wxpython=4.2.2=py311h1_0',
    ];
    expect(pipPins({ conda, pip: ['PyYAML==6.0.1'] })).toEqual([
      'h5py==3.11.0',
      'matplotlib==3.9.2',
      'pip==24.2',
      'pyyaml==6.0.1',
      'typing-extensions==4.12.2',
    ]);
  });

  test('where both name a package, the one of pip counts', () => {
    expect(pipPins({ conda: ['setuptools=75.1.0=py39h0_0'], pip: ['setuptools==68.0.0'] })).toEqual([
      'setuptools==68.0.0',
    ]);
  });

  test('a conda export is read with both its lists', () => {
    const yml =
      'name: x\ndependencies:\n  - python=3.9.21=he1_1\n  - pip=25.0=py39h0_0\n  - pip:\n      - attrs==1.0\nprefix: /x\n';
    expect(parseCondaExport(yml)).toEqual({
      python: '3.9.21',
      conda: ['python=3.9.21=he1_1', 'pip=25.0=py39h0_0'],
      pip: ['attrs==1.0'],
    });
  });
});

describe('Debian packages', () => {
  test('what Debian only recommends and a package is of no use without is named too', () => {
    expect(splitApt(['apt-get install -y gcc']).systemPackages).toEqual(['gcc', 'libc6-dev']);
  });

  test('commands of apt-get alone become packages, the rest stays in order', () => {
    const commands = [
      'apt-get update',
      'apt-get -y update && apt-get -y upgrade && DEBIAN_FRONTEND=noninteractive apt-get install -y b a',
      'apt-get install -y -qq c',
      'sed -i s/a/b/ x',
      'apt-get update && make',
      'apt-get -y update && && apt-get install -y d',
    ];
    expect(splitApt(commands)).toEqual({
      systemPackages: ['a', 'b', 'c'],
      commands: commands.slice(3),
    });
  });
});
