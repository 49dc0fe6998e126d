import { describe, expect, test } from '@jest/globals';
import { sweRebenchV1Benchmark, sweRebenchV2Benchmark } from '../../benchmarks/swe-rebench/index.js';
import type { Instance } from '../../src/index.js';
import { instance } from './instance.js';

const v1 = (config: Record<string, unknown> = {}, fields: Partial<Instance> = {}) =>
  sweRebenchV1Benchmark.specFor(
    instance({
      rowFormat: 'swe-rebench-v1',
      instanceId: 'Some__Thing.py-7',
      repo: 'Some/Thing.py',
      environmentSetupCommit: 'fff',
      installConfig: { python: '3.9', test_cmd: 'pytest -rA', log_parser: 'parse_log_pytest', ...config },
      ...fields,
    }),
  );

const v2 = (config: Record<string, unknown> = {}, fields: Partial<Instance> = {}) =>
  sweRebenchV2Benchmark.specFor(
    instance({
      rowFormat: 'swe-rebench-v2',
      instanceId: 'some__lib-7',
      repo: 'Some/lib',
      installConfig: { test_cmd: ['make', 'make check'], log_parser: 'parse_log_jq', ...config },
      ...fields,
    }),
  );

const ENVIRONMENT =
  'dependencies:\n  - python=3.8.20=h_1\n  - pip=25.0=py38h_0\n  - pip:\n      - attrs==1.0\n      - thing-py==0.1\n';

describe('SWE-rebench V1', () => {
  test('install and test command get the locale, and deleted files are no directives', () => {
    const { evalScript } = v1({ install: 'pip install -e .', eval_commands: ['export A=1'] });
    expect(evalScript).toContain('cd /testbed\nexport A=1\ngit config');
    expect(evalScript).toContain(
      '\nLANG=C.UTF-8 LC_ALL=C.UTF-8 pip install -e .\ngit checkout abc123 tests/test_a.py',
    );
    expect(evalScript).toContain('\nLANG=C.UTF-8 LC_ALL=C.UTF-8 pytest -rA tests/test_a.py tests/new.py\n');
  });

  test('without an install command nothing is installed before the tests', () => {
    expect(v1().evalScript).toContain('conda activate testbed\ngit checkout abc123');
  });

  test('the recipe has the frozen environment without the project, at the base commit', () => {
    const requirements = '-e git+https://github.com/Some/Thing.py.git@x#egg=Thing_py\n';
    const { recipe } = v1(
      { install: 'pip install -e .', pre_install: ['apt-get update', 'apt-get install -y gcc', 'make x'] },
      { environment: ENVIRONMENT, requirements },
    );
    expect(recipe).toEqual({
      name: 'some__thing.py-7',
      source: { kind: 'git', repo: 'Some/Thing.py', commit: 'abc123' },
      workdir: '/testbed',
      environment: {
        python: '3.8',
        systemPackages: ['build-essential', 'gcc', 'libc6-dev'],
        pythonPackages: ['attrs==1.0', 'pip==25.0'],
      },
      preInstall: ['make x'],
      install: ['LANG=C.UTF-8 LC_ALL=C.UTF-8 pip install -e .'],
      checks: [],
    });
  });

  test('a pip freeze alone will do; lines that are no pins are left out', () => {
    const requirements = 'a==1\nb @ file:///croot/b\n# c==1\n';
    expect(v1({ python: '3.5' }, { requirements }).recipe).toMatchObject({
      environment: { python: '3.6', pythonPackages: ['a==1'] },
    });
  });

  test('the pins of the row win over what install_config asks for', () => {
    const config = { packages: 'requirements.txt', reqs_path: ['r.txt'], pip_packages: ['pytest'] };
    const { recipe } = v1(config, { environment: ENVIRONMENT });
    expect(recipe?.environment.pythonPackages).toEqual(['attrs==1.0', 'pip==25.0', 'thing-py==0.1']);
    expect(recipe?.preInstall).toEqual([]);
  });

  test('without pins, packages and pip_packages are the requirements; what only pip understands is run', () => {
    const pip_packages = ['pytest pytest-cov', 'git+https://host/x@1', 'a[b]<2'];
    expect(v1({ packages: "numpy=1.19 'pandas<2.0.0'", pip_packages }).recipe).toMatchObject({
      environment: { pythonPackages: ['a[b]<2', 'numpy==1.19', 'pandas<2.0.0', 'pytest', 'pytest-cov'] },
      preInstall: ['python -m pip install git+https://host/x@1'],
    });
  });

  test('without pins, the files of reqs_path are installed from the tree, before pre_install', () => {
    const config = { packages: 'requirements.txt', reqs_path: ['a.txt', 'b.txt'], pre_install: ['make x'] };
    expect(v1(config).recipe?.preInstall).toEqual([
      "if [ -f 'a.txt' ]; then python -m pip install -r 'a.txt'; fi",
      "if [ -f 'b.txt' ]; then python -m pip install -r 'b.txt'; fi",
      'make x',
    ]);
  });

  test('env_vars hold for the install and for the tests', () => {
    for (const env_vars of [{ A: "it's", N: 1 }, ["A=it's", 'N=1', 'no assignment']]) {
      const { recipe, evalScript } = v1({ env_vars, eval_commands: ['export B=2'], pre_install: ['make x'] });
      expect(recipe?.preInstall).toEqual(["export A='it'\\''s'", "export N='1'", 'make x']);
      expect(evalScript).toContain("cd /testbed\nexport A='it'\\''s'\nexport N='1'\nexport B=2\n");
    }
  });

  test('where no recipe can be made the spec says why, and the published image is still there', () => {
    const why = (config: Record<string, unknown>) => {
      const { recipe, noRecipe, images } = v1(config);
      expect(recipe).toBeUndefined();
      expect(images).toHaveLength(2);
      return noRecipe;
    };
    expect(why({ packages: 'environment.yml', env_yml_path: ['e.yml'], no_use_env: true })).toContain(
      'conda',
    );
    expect(why({ docker_specs: { run_args: {} }, magic: 1, other: null })).toMatch(/: docker_specs, magic$/);
    expect(why({ python: null })).toContain('Python');
  });

  test('the image is the one of the row, else the one under the usual name', () => {
    expect(v1({}, { image: 'hub/x' }).images).toEqual(['assay.eval.some__thing.py-7:latest', 'hub/x']);
    expect(v1().images[1]).toBe('swerebench/sweb.eval.x86_64.some_1776_thing.py-7:latest');
  });

  test('a row without a test command is an error', () => {
    expect(() => v1({ test_cmd: null })).toThrow('Some__Thing.py-7: no test_cmd in install_config');
    expect(() => v1({}, { installConfig: undefined })).toThrow('without install_config');
  });
});

describe('SWE-rebench V2', () => {
  test('the script applies the test patch exactly and ends at the first failing command', () => {
    const testPatch = 'diff --git a/t b/t\n@@ -1 +1 @@\n-a\n+b\n';
    const { evalScript, workdir, logParser } = v2({}, { testPatch });
    expect(workdir).toBe('/lib');
    expect(logParser).toBe('parse_log_jq');
    expect(evalScript).toBe(`#!/bin/bash
set -e
export _JAVA_OPTIONS=-Djava.net.preferIPv6Addresses=false
cd /lib
git apply -v --3way --recount --ignore-space-change --whitespace=nowarn - <<'EOF_114329324912'
diff --git a/t b/t
@@ -1 +1 @@
-a
+b
EOF_114329324912
make
make check
`);
  });

  test('a single test command may be a text, and none is an error', () => {
    expect(v2({ test_cmd: 'ctest' }).evalScript).toMatch(/\nctest\n$/);
    expect(() => v2({ test_cmd: [' '] })).toThrow('no test_cmd');
  });

  test('only languages whose base is Debian packages have a recipe', () => {
    expect(v2({ base_image_name: 'rust_1.77:latest' })).not.toHaveProperty('recipe');
    expect(v2({ base_image_name: 'rust_1.77:latest' }).noRecipe).toContain('rust_1.77:latest');
    expect(v2().noRecipe).toContain('(none)');
    expect(v2({ base_image_name: 'c:latest', magic: 1 }).noRecipe).toMatch(/: magic$/);
    const install = ['apt-get update -qq', 'apt-get install -y -qq libx-dev', './configure'];
    expect(v2({ base_image_name: 'c:latest', install }).recipe).toMatchObject({
      workdir: '/lib',
      environment: { systemPackages: expect.arrayContaining(['build-essential', 'libx-dev']) },
      preInstall: ['( ./configure ) || true', 'git reset -q --hard HEAD'],
    });
  });

  test('without a published image only the local one is tried', () => {
    expect(v2().images).toEqual(['assay.eval.some__lib-7:latest']);
    expect(v2({}, { image: 'docker.io/x/y:1' }).images[1]).toBe('docker.io/x/y:1');
  });
});
