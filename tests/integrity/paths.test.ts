import { describe, expect, test } from '@jest/globals';
import { guardedPaths } from '../../src/integrity/paths.js';
import type { TouchedFile } from '../../src/integrity/touched.js';

function touched(path: string, fields: Partial<TouchedFile> = {}): TouchedFile {
  return { oldPath: path, newPath: path, binary: false, added: [], ...fields };
}

function guardOf(path: string, fields: Partial<TouchedFile> = {}): string | undefined {
  return guardedPaths([touched(path, fields)], new Set(['lib/checks.py']), undefined)[0]?.guard;
}

describe('the paths that decide how tests are found, run or judged', () => {
  test.each([
    ['conftest.py', 'configuration'],
    ['deep/inside/conftest.py', 'configuration'],
    ['setup.cfg', 'configuration'],
    ['pyproject.toml', 'configuration'],
    ['tox.ini', 'configuration'],
    ['.pytest.ini', 'configuration'],
    ['package.json', 'configuration'],
    ['sitecustomize.py', 'start-up'],
    ['lib/hook.pth', 'start-up'],
    ['bin/test', 'runner'],
    ['tests/runtests.py', 'runner'],
    ['unittest.py', 'runner'],
    ['unittest/__init__.py', 'runner'],
    ['src/_pytest/runner.py', 'runner'],
    ['node_modules/x/index.js', 'runner'],
    ['tests/test_a.py', 'test'],
    ['pkg/tests/helpers.py', 'test'],
    ['django/test/client.py', 'test'],
    ['lib/checks.py', 'test'],
    ['.git/hooks/post-checkout', 'repository'],
    ['.GIT/config', 'repository'],
    ['.gitattributes', 'configuration'],
  ])('%s: %s', (path, guard) => {
    expect(guardOf(path)).toBe(guard);
  });

  test.each(['pkg/latest.py', 'pkg/contest.py', 'setup.py', 'docs/testimonials.rst', 'pkg/pytest_plugin.py'])(
    '%s is not one of them',
    (path) => {
      expect(guardOf(path)).toBeUndefined();
    },
  );

  test('a link is one wherever it is, and so is a file that was moved away', () => {
    expect(guardOf('pkg/a.py', { mode: '120000' })).toBe('link');
    expect(guardedPaths([touched('conftest.py', { newPath: 'other.py' })], new Set(), undefined)).toEqual([
      { path: 'conftest.py', guard: 'configuration' },
    ]);
  });

  test("a repository's own machinery is its subject", () => {
    const own = /^src\/_pytest\//;
    expect(guardedPaths([touched('src/_pytest/runner.py')], new Set(), own)).toEqual([]);
    expect(guardedPaths([touched('unittest.py')], new Set(), own)).toHaveLength(1);
  });
});
