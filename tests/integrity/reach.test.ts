import { describe, expect, test } from '@jest/globals';
import { reaches } from '../../src/integrity/reach.js';

function reachOf(path: string, ...added: string[]): readonly string[] {
  return reaches([{ oldPath: path, newPath: path, binary: false, added }]);
}

describe('what a patch might reach beyond its own computation', () => {
  test.each([
    'import os; os._exit(0)',
    'from os import _exit',
    'sys.modules["x"] = y',
    'x = __import__("o" + "s")',
    'getattr(a, "ru" + "n")',
    'f = getattr',
    'x.__class__.__mro__[1].__subclasses__()',
    'def __eq__(self, other):',
    'print("a")',
    'import pytest',
    'def pytest_runtest_makereport(item):',
    'unittest.TestCase.run = f',
    'loader("a.b").run = f',
    'time.time = lambda: 0',
    'ｓｙｓ.exit()',
    'x = "\\x6fs\\x2e_exit"; load("\\u0073ys")',
    'raise SystemExit',
    'open("/proc/self/mem")',
    'import code',
    'x = dataclasses.make_dataclass("A", (), namespace=n)',
    'x = ABCMeta("A", (), n)',
    'x = type(y)("A", (), n)',
    'make = type',
    'make = type(y)',
    'n = {"__e" + "q__": f}',
    'n = {"_" * 2 + "eq": f}',
    'n = {chr(95) + "x": f}',
    'self.__class__ = Other',
    'warnings.showwarning = f',
    'inspect.stack()',
    'import inspect as look',
  ])('Python: %s', (line) => {
    expect(reachOf('pkg/a.py', 'x = 1', line)).toHaveLength(1);
  });

  test.each([
    'process.exit(0)',
    "import test from 'node:test';",
    "const t = await import('./' + name);",
    "const t = require('test');",
    'Object.prototype.toJSON = f;',
    'a.constructor.constructor("return 1")()',
    'globalThis.x = 1',
    'x["pro" + "cess"]',
    'Date.now = () => 0;',
    'export { a } from "assert";',
    'const g = function () { return this }',
    'eval("1")',
    '\\u0070rocess.exit()',
    "const k = 'con' + 'structor'; f[k][k]('return 1')()",
    "const k = ['con', 'structor'].join(''); f[k]",
    "const k = 'CONSTRUCTOR'.toLowerCase(); f[k]",
    'const { [`con$' + '{s}`]: f } = g;',
    "f[/x(.*)/.exec('xconstructor')[1]]",
    "f['xconstructor'.slice(1)]",
  ])('JavaScript: %s', (line) => {
    expect(reachOf('src/a.js', line)).toHaveLength(1);
  });

  test.each([
    [
      'pkg/a.py',
      'return self.__class__.__name__',
      'value = getattr(item, "name", None)',
      'x = re.compile(y)',
      'pos = cls.reposition',
    ],
    [
      'pkg/a.py',
      'path = os.path.join(a, b)',
      'if sys.version_info < (3, 8):',
      'message = "café"',
      'import re',
      'skip = code',
      'import inspect',
      'import warnings',
      'warnings.warn("old", DeprecationWarning)',
      'if inspect.isclass(x) and isinstance(x, type):',
      'kind = type(x).__name__',
    ],
    [
      'src/a.js',
      "import { b } from './b.js';",
      'if (/x/.test(y)) throw new Error("no");',
      'await Promise.all(list);',
      'constructor(a) {',
      'results[index] = await map(items[index], index);',
      'list.sort((a, b) => sign * compare(a[name], b[name]));',
    ],
    ['docs/a.rst', 'import os; os._exit(0)'],
  ])('%s: computing is none of it', (path, ...lines) => {
    expect(reachOf(path, ...lines)).toEqual([]);
  });

  test('files that run at install, other languages, binaries, new modes and deletions might', () => {
    expect(reachOf('setup.py', 'x = 1')).toEqual(['setup.py: runs at install']);
    expect(reachOf('Makefile', 'x = 1')).toHaveLength(1);
    const file = { oldPath: 'a.py', newPath: 'a.py', binary: false, added: [] };
    expect(reaches([{ ...file, binary: true }])).toEqual(['a.py: binary']);
    expect(reaches([{ ...file, mode: '100755' }])).toEqual(['a.py: mode 100755']);
    expect(reaches([{ oldPath: 'a.py', binary: false, added: [] }])).toEqual(['a.py: deleted']);
  });
});
