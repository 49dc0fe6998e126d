import type { TouchedFile } from './touched.js';

/** Why a path decides how tests are found, run or judged. */
export type Guard = 'test' | 'configuration' | 'start-up' | 'runner' | 'repository' | 'link';

/** A path that a patch may not decide, and why. */
export interface GuardedPath {
  readonly path: string;
  readonly guard: Guard;
}

/** Words of a path that make it a test file: SWE-bench's own rule for what goes into a test patch, so that no gold patch touches one. */
const TEST_WORDS = new Set(['test', 'tests', 'e2e', 'testing']);

/** Names of files that runners take for tests. */
const TEST_NAME = /^tests?[._-]|[._-]tests?\./i;

/** Files that pytest, unittest, nose, tox, node or git take settings or hooks from. */
const CONFIGURATION =
  /^(conftest\.py|\.gitattributes|\.gitmodules|\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|unittest\.cfg|\.?nose2?\.cfg|\.coveragerc|package\.json|\.mocharc(\.\w+)?|\.npmrc|(jest|vitest|mocha|babel)\.config\.\w+)$/;

/** Files that an interpreter runs or follows by itself when it starts. */
const START_UP =
  /^((site|user)customize\.py|.*\.(pth|egg-link)|pyvenv\.cfg|\.python-version|\.node-version|\.nvmrc)$/;

/** Test runners that repositories have of their own. */
const RUNNER = /(^|\/)(runtests\.py|run_?tests?(\.\w+)?|bin\/test|bin\/doctest|manage\.py|_?pytest\.py)$/;

/** Modules of the test machinery: a file of such a name in the tree would stand in for it. */
const MACHINERY =
  /^(src\/|lib\/)?(pytest|_pytest|unittest|doctest|nose2?|pluggy|py|iniconfig|assert|site|node_modules)(\.[cm]?[jp]sx?|\.py|\/.*)$/;

/**
 * The paths of a patch that decide how tests are found, run or judged. `testFiles`: the files of the test patch and those that expected tests
 * name. `owned`: modules of the test machinery that are the repository's own subject, e.g. `_pytest` for pytest.
 */
export function guardedPaths(
  files: readonly TouchedFile[],
  testFiles: ReadonlySet<string>,
  owned: RegExp | undefined,
): readonly GuardedPath[] {
  const guarded = new Map<string, Guard>();
  for (const file of files)
    for (const path of [file.oldPath, file.newPath]) {
      if (path === undefined || guarded.has(path)) continue;
      const guard = guardOf(path, file, testFiles, owned);
      if (guard !== undefined) guarded.set(path, guard);
    }
  return [...guarded].map(([path, guard]) => ({ path, guard }));
}

function guardOf(
  path: string,
  { mode, oldPath }: TouchedFile,
  testFiles: ReadonlySet<string>,
  owned: RegExp | undefined,
): Guard | undefined {
  const parts = path.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.some((part) => part.toLowerCase() === '.git')) return 'repository';
  if (mode === '120000' || mode === '160000') return 'link';
  if (START_UP.test(name)) return 'start-up';
  if (CONFIGURATION.test(name)) return 'configuration';
  if (RUNNER.test(path)) return 'runner';
  // A new file beside the product's is none that tests rest on, even where it is called e.g. `testing.py`.
  const words = oldPath === undefined && !TEST_NAME.test(name) ? parts.slice(0, -1).join('/') : path;
  if (
    testFiles.has(path) ||
    words
      .toLowerCase()
      .split(/[ _/.]/)
      .some((word) => TEST_WORDS.has(word))
  )
    return 'test';
  if (MACHINERY.test(path) && owned?.test(path) !== true) return 'runner';
  return undefined;
}
