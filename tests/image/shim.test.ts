import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CONDA, SHIM } from '../../src/image/shim.js';

/** The shim's files under another root, and bash that runs lines of an official script against them. */
function shimIn(): (script: string) => string {
  const root = mkdtempSync(join(tmpdir(), 'assay-shim-'));
  for (const [path, content] of Object.entries(SHIM)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content.replaceAll(CONDA, root + CONDA));
  }
  mkdirSync(join(root, CONDA, 'envs/testbed/bin'), { recursive: true });
  return (script) =>
    execFileSync('bash', ['-c', script.replaceAll(CONDA, root + CONDA)], {
      env: { PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .trim()
      .replaceAll(root, '');
}

describe('the stand-in for conda', () => {
  test('activates the environment as the official scripts ask, twice, under set -u', () => {
    const twice = 'source /opt/miniconda3/bin/activate\nconda activate testbed\n'.repeat(2);
    expect(shimIn()(`set -uxo pipefail\n${twice}echo $PATH; echo $CONDA_DEFAULT_ENV $CONDA_PREFIX`)).toBe(
      '/opt/miniconda3/envs/testbed/bin:/usr/bin:/bin\ntestbed /opt/miniconda3/envs/testbed',
    );
  });

  test('fails on an environment or a command that it does not have', () => {
    const run = shimIn();
    const conda = 'source /opt/miniconda3/bin/activate; conda';
    expect(run(`${conda} activate other || echo no`)).toBe('no');
    expect(run(`${conda} install numpy || echo no`)).toBe('no');
  });
});
