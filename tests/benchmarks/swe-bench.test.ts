import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sweBench } from '../../benchmarks/swe-bench/index.js';
import { EXCEPTIONS } from '../../benchmarks/swe-bench/needs.js';
import { REPOSITORIES } from '../../benchmarks/swe-bench/versions.js';
import { instance } from './instance.js';

describe('eval script of SWE-bench', () => {
  test('a row of 2025 gets the official script', () => {
    const testPatch = 'diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n';
    const row = { testPatch, repo: 'django/django', version: '3.2', instanceId: 'django__django-1' };
    expect(sweBench.specFor(instance(row)).evalScript).toBe(`#!/bin/bash
set -uxo pipefail
source /opt/miniconda3/bin/activate
conda activate testbed
cd /testbed
sed -i '/en_US.UTF-8/s/^# //g' /etc/locale.gen && locale-gen
export LANG=en_US.UTF-8
export LANGUAGE=en_US:en
export LC_ALL=en_US.UTF-8
git config --global --add safe.directory /testbed
cd /testbed
git status
git show
git -c core.fileMode=false diff abc123
source /opt/miniconda3/bin/activate
conda activate testbed
python -m pip install -e .
git checkout abc123 t.py
git apply -v - <<'EOF_114329324912'
${testPatch}
EOF_114329324912
: '>>>>> Start Test Output'
./tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1 t
: '>>>>> End Test Output'
git checkout abc123 t.py
`);
  });

  test('a test patch of new files only resets the whole tree, as 4.1.0 does', () => {
    const testPatch =
      'diff --git a/t.py b/t.py\nnew file mode 100644\n--- /dev/null\n+++ b/t.py\n@@ -0,0 +1 @@\n+b\n';
    expect(sweBench.specFor(instance({ testPatch })).evalScript).toContain('\ngit checkout abc123 \n');
  });

  test('the script, parser, image and kind of a row of 2026 are used as they are', () => {
    const row = {
      rowFormat: 'swe-bench-2026',
      evalScript: 'echo\n',
      logParser: 'parse_log_x',
      image: 'hub/x:1',
      evalType: 'fail_only',
    } as const;
    expect(sweBench.specFor(instance(row))).toMatchObject({
      evalScript: 'echo\n',
      logParser: 'parse_log_x',
      evalType: 'fail_only',
      images: ['assay.eval.pallets__flask-1:latest', 'hub/x:1'],
    });
  });

  test('a row of 2026 from a repository without a table has no recipe', () => {
    const row = {
      repo: 'apache/druid',
      instanceId: 'apache__druid-1',
      evalScript: 'echo\n',
      logParser: 'parse_log_maven',
    };
    const spec = sweBench.specFor(instance(row));
    expect(spec).not.toHaveProperty('recipe');
    expect(spec.noRecipe).toBe('there is no table of how apache/druid version 2.3 is installed');
  });

  test('an unknown version or repository is an error that lists the known ones', () => {
    const thrownFor = (row: Parameters<typeof instance>[0]) => {
      try {
        return sweBench.specFor(instance(row));
      } catch (error) {
        return error;
      }
    };
    expect(thrownFor({ version: '0.1' })).toMatchObject({
      code: 'unsupported_row',
      message: expect.stringContaining('pallets/flask version 0.1'),
      detail: expect.stringContaining('2.3'),
    });
    expect(thrownFor({ repo: 'a/b' })).toMatchObject({
      code: 'unsupported_row',
      detail: expect.stringContaining('sympy/sympy'),
    });
    expect(thrownFor({ version: undefined })).toMatchObject({ message: expect.stringContaining('(none)') });
  });
});

describe('image recipe of SWE-bench', () => {
  test('holds neither the gold patch nor the tests', () => {
    const { recipe } = sweBench.specFor(instance());
    expect(JSON.stringify(recipe)).not.toMatch(/GOLD|test_a/);
  });

  test('a frozen instance gets its own pins, another one those of its version', () => {
    const packages = (instanceId: string) =>
      sweBench.specFor(instance({ instanceId })).recipe?.environment.pythonPackages;
    expect(packages('pallets__flask-5014')).toContain('werkzeug==2.3.7');
    expect(packages('pallets__flask-1')).toEqual(packages('pallets__flask-5014'));
  });

  test('pins that PyPI has no wheel of for their Python become the first release that has one', () => {
    const packages = (number: number, version: string) =>
      sweBench.specFor(
        instance({
          repo: 'scikit-learn/scikit-learn',
          instanceId: `scikit-learn__scikit-learn-${number}`,
          version,
        }),
      ).recipe?.environment.pythonPackages;
    expect(packages(25747, '1.3')).toEqual(expect.arrayContaining(['numpy==1.19.3', 'scipy==1.5.4']));
    expect(packages(10297, '0.20')).toEqual(expect.arrayContaining(['numpy==1.19.2', 'scipy==1.5.2']));
  });

  test('versions without frozen pins install what the repository asks for', () => {
    expect(sweBench.specFor(instance({ version: '2.0' })).recipe).toMatchObject({
      environment: { python: '3.9', pythonPackages: expect.arrayContaining(['click==8.0.1']) },
      preInstall: ['{ [ -f requirements/dev.txt ] && python -m pip install -r requirements/dev.txt; }'],
      install: ['python -m pip install -e .'],
    });
  });

  test('what only conda could make has no recipe', () => {
    const row = { repo: 'pydata/xarray', instanceId: 'pydata__xarray-1', version: '2024.05' };
    const { recipe, noRecipe } = sweBench.specFor(instance(row));
    expect(recipe).toBeUndefined();
    expect(noRecipe).toContain('pydata/xarray version 2024.05 takes its packages from an environment.yml');
  });

  test('versions that share a frozen environment share their system packages too', () => {
    const row = { repo: 'sphinx-doc/sphinx', instanceId: 'sphinx-doc__sphinx-11445', version: '7.1' };
    expect(sweBench.specFor(instance(row)).recipe?.environment).toMatchObject({
      reference: 'sphinx-doc__sphinx-10614',
      systemPackages: ['graphviz'],
    });
  });

  test('the patch and the test patch of a row never change its recipe', () => {
    const rows = [
      instance(),
      instance({ version: '2.0' }),
      instance({ repo: 'django/django', instanceId: 'django__django-11099', version: '3.0' }),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...rows), fc.string(), fc.string(), (row, patch, testPatch) => {
        expect(sweBench.specFor({ ...row, patch, testPatch }).recipe).toEqual(sweBench.specFor(row).recipe);
      }),
    );
  });

  test('apt-get of pre_install becomes system packages, the rest stays', () => {
    const row = { repo: 'sphinx-doc/sphinx', instanceId: 'sphinx-doc__sphinx-1', version: '7.2' };
    expect(sweBench.specFor(instance(row)).recipe).toMatchObject({
      environment: { systemPackages: ['graphviz'] },
      preInstall: ["sed -i 's/pytest/pytest -rA/' tox.ini"],
    });
  });
});

describe('tables of SWE-bench', () => {
  test('every version of the table has what a script needs', () => {
    const all = Object.entries(REPOSITORIES).flatMap(([repo, { versions }]) =>
      versions.flatMap((entry) => entry.versions.split(' ').map((version) => ({ repo, version }))),
    );
    expect(all).toHaveLength(193);
    for (const row of all) expect(sweBench.specFor(instance(row)).evalScript).toContain('Start Test Output');
  });

  test('needs are granted by instance, come with a reason, and the row may add to them', () => {
    for (const { reason } of EXCEPTIONS) expect(reason).toMatch(/\S{3}/);
    const row = { repo: 'psf/requests', instanceId: 'psf__requests-1724', version: '2.0' };
    expect(sweBench.specFor(instance(row)).needs).toEqual({ network: true });
    expect(sweBench.specFor(instance({ ...row, needs: { memoryBytes: 1 } })).needs).toEqual({
      network: true,
      memoryBytes: 1,
    });
    expect(sweBench.specFor(instance()).needs).toEqual({});
  });
});
