import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';

const PYTHON = join(packageRoot(), 'plugins', 'oracles', 'python');
/** Fewer than there are means that a file of tests isn't found any more. */
const LEAST_TESTS = 60;

const hasPython =
  spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;
if (!hasPython)
  process.stderr.write(
    'Skipped the tests of plugins/oracles/python: they need python3 3.9 or newer in PATH.\n',
  );

describe('the Python package of plugins/oracles', () => {
  (hasPython ? test : test.skip)('passes its own tests', () => {
    const env = { ...process.env, PYTHONPYCACHEPREFIX: mkdtempSync(join(tmpdir(), 'assay-oracle-')) };
    const run = spawnSync('python3', ['-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'], {
      ...{ cwd: PYTHON, env },
      encoding: 'utf8',
    });
    const ran = Number(/^Ran (\d+) tests/m.exec(run.stderr)?.[1] ?? 0);
    expect({ status: run.status, output: run.status === 0 ? '' : run.stderr }).toEqual({
      status: 0,
      output: '',
    });
    expect(ran).toBeGreaterThanOrEqual(LEAST_TESTS);
  });
});
