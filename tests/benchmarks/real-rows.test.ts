import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { splitApt } from '../../benchmarks/python/apt.js';
import { pipPins } from '../../benchmarks/python/pins.js';
import { frozenEnvironments } from '../../benchmarks/swe-bench/environment.js';
import { sweBench } from '../../benchmarks/swe-bench/index.js';
import { findVersionSpec } from '../../benchmarks/swe-bench/spec.js';
import { sweRebenchV1Benchmark, sweRebenchV2Benchmark } from '../../benchmarks/swe-rebench/index.js';
import { sweBench2025, sweBench2026, sweBenchAliases } from '../../datasets/swe-bench/index.js';
import { sweRebenchAliases, sweRebenchV1, sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { loadRows } from '../../src/dataset/load.js';
import { environmentKey } from '../../src/image/recipe.js';
import { type EvalSpec, ImageRecipe, type Instance } from '../../src/index.js';
import { schemaFault } from '../../src/util/schema.js';

const data = join(process.env['ASSAY_SHARED'] ?? '../shared', 'data');
const there = existsSync(data);
const real = there ? test : test.skip;
const why = there ? '' : ` (skipped: no real data at ${data}; set ASSAY_SHARED)`;

const formats = [sweBench2026, sweBench2025, sweRebenchV1, sweRebenchV2];
const benchmarks = [sweBench, sweRebenchV1Benchmark, sweRebenchV2Benchmark];

const loaded = new Map<string, Promise<readonly Instance[]>>();
function load(file: string): Promise<readonly Instance[]> {
  const found = loaded.get(file) ?? read(file);
  loaded.set(file, found);
  return found;
}

async function read(file: string): Promise<readonly Instance[]> {
  const rows = await loadRows({
    source: join(data, file),
    aliases: { ...sweBenchAliases, ...sweRebenchAliases },
    cwd: '.',
    cacheDir: '/nowhere',
    hub: { endpoint: 'http://127.0.0.1:1', offline: true, cacheDir: '/nowhere' },
  });
  return toInstances({ ...rows, formats });
}

function specsOf(instances: readonly Instance[]): readonly EvalSpec[] {
  return instances.flatMap((instance) =>
    benchmarks
      .filter(({ rowFormats }) => rowFormats.includes(instance.rowFormat))
      .map((b) => b.specFor(instance)),
  );
}

function recipeOf(instance: Instance): ImageRecipe {
  const [spec] = specsOf([instance]);
  if (spec?.recipe === undefined) throw new Error(`${instance.instanceId}: ${spec?.noRecipe}`);
  return spec.recipe;
}

/** Of all scripts in order of instance id. */
function scriptsHash(specs: readonly EvalSpec[]): string {
  const hash = createHash('sha256');
  for (const spec of [...specs].sort((a, b) => (a.instanceId < b.instanceId ? -1 : 1)))
    hash.update(spec.evalScript);
  return hash.digest('hex');
}

/** What a row of 2026 was in 2025. */
function as2025({ evalScript, logParser, image, evalType, ...old }: Instance): Instance {
  return { ...old, rowFormat: 'swe-bench-2025' };
}

interface FrozenRow {
  readonly instance_id: string;
  readonly python: string;
  readonly conda: readonly string[];
  readonly pip: readonly string[];
}

function frozenRows(): readonly FrozenRow[] {
  const text = gunzipSync(readFileSync(join(data, 'frozen-environments.jsonl.gz'))).toString('utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe(`real rows${why}`, () => {
  real(
    'the 500 Verified scripts of 2025 are those that swebench 4.1.0 makes (sha256 of its output)',
    async () => {
      const specs = specsOf(await load('swe-bench-verified-2025.jsonl.gz'));
      expect(specs).toHaveLength(500);
      expect(scriptsHash(specs)).toBe('a4089a2d4bc05ce305e52d6a48c1ab93b94fe514ec5c135f7ab6df6386336eb0');
    },
  );

  real('so are the 300 Lite scripts, from rows without their eval_script', async () => {
    const specs = specsOf((await load('swe-bench-lite.parquet')).map(as2025));
    expect(specs).toHaveLength(300);
    expect(scriptsHash(specs)).toBe('dfd35b8eff1b93f0454bab35745c9a97d51b2274ba0105b8178517efa8e15fbc');
    expect(specs.every(({ recipe }) => recipe !== undefined)).toBe(true);
  });

  real("the SWE-rebench scripts are those that the fork's code makes", async () => {
    const specs = specsOf(await load('swe-rebench.jsonl'));
    expect(specs).toHaveLength(11);
    expect(scriptsHash(specs)).toBe('6b57f91ecd13271c73de460d01b78551b454ffc54d6e7926e0bff9dda117ee8c');
  });

  real('Verified rows of 2025 and 2026 give the same recipe, parser, images and needs', async () => {
    const part = ({ recipe, logParser, images, needs, workdir, evalType }: EvalSpec) => ({
      recipe,
      logParser,
      images,
      needs,
      workdir,
      evalType,
    });
    const old = specsOf(await load('swe-bench-verified-2025.jsonl.gz')).map(part);
    expect(specsOf(await load('swe-bench-verified.parquet')).map(part)).toEqual(old);
  });

  real(
    'scripts of 2026 are run as published; 480 are as 4.1.0 made them, 18 reset new files too, 2 prepare more',
    async () => {
      const instances = await load('swe-bench-verified.parquet');
      const differing = instances.filter((instance) => {
        expect(sweBench.specFor(instance).evalScript).toBe(instance.evalScript);
        return sweBench.specFor(as2025(instance)).evalScript !== instance.evalScript;
      });
      const withoutReset = (script = '') => script.replace(/^git checkout .*$/gm, '');
      const otherwise = differing.filter(
        (instance) =>
          withoutReset(instance.evalScript) !== withoutReset(sweBench.specFor(as2025(instance)).evalScript),
      );
      expect(differing).toHaveLength(20);
      expect(otherwise.map(({ instanceId }) => instanceId)).toEqual([
        'astropy__astropy-8707',
        'astropy__astropy-8872',
      ]);
    },
  );

  real('the table of pins has the 63 frozen environments, each instance with its own', () => {
    const rows = frozenRows();
    const { byInstance } = frozenEnvironments();
    expect(new Set(byInstance.values()).size).toBe(63);
    expect(byInstance.size).toBe(rows.length);
    for (const row of rows)
      expect(byInstance.get(row.instance_id)).toEqual({
        python: row.python,
        pythonPackages: pipPins(row),
        reference: expect.stringMatching(/__.*-\d+$/),
        versions: expect.any(Array),
        preInstall: [],
      });
  });

  real('every recipe is valid, pinned exactly, at the base commit, and free of both patches', async () => {
    const files = ['swe-bench-verified.parquet', 'swe-rebench.jsonl', 'swe-rebench-v2.json'];
    const instances = (await Promise.all(files.map(load))).flat();
    expect(instances).toHaveLength(512);
    for (const instance of instances) {
      const recipe = recipeOf(instance);
      expect(schemaFault(recipe, ImageRecipe)).toBeUndefined();
      for (const pin of recipe.environment.pythonPackages) expect(pin).toMatch(/^[a-z0-9-]+==[\w.!+]+$/);
      expect(recipe.source).toEqual({ kind: 'git', repo: instance.repo, commit: instance.baseCommit });
      expect(recipeOf({ ...instance, patch: 'x', testPatch: 'y' })).toEqual(recipe);
      expect(JSON.stringify(recipe)).not.toMatch(/diff --git|@@ /);
    }
  });

  real('Lite rows give valid recipes, those in Verified the same', async () => {
    const verified = new Map((await load('swe-bench-verified.parquet')).map((row) => [row.instanceId, row]));
    for (const instance of await load('swe-bench-lite.parquet')) {
      const recipe = recipeOf(instance);
      expect(schemaFault(recipe, ImageRecipe)).toBeUndefined();
      const twin = verified.get(instance.instanceId);
      if (twin !== undefined) expect(recipe).toEqual(recipeOf(twin));
    }
  });

  real('Verified has 63 environments: those that were frozen, each with one recipe', async () => {
    const instances = await load('swe-bench-verified.parquet');
    const { byInstance } = frozenEnvironments();
    const keys = new Map<string, unknown>();
    const byRepo: Record<string, Set<string>> = {};
    for (const instance of instances) {
      const { environment } = recipeOf(instance);
      const key = environmentKey(environment);
      const frozen = byInstance.get(instance.instanceId);
      expect(keys.get(key) ?? frozen).toBe(frozen);
      keys.set(key, frozen);
      byRepo[instance.repo] = (byRepo[instance.repo] ?? new Set()).add(key);
    }
    expect(keys.size).toBe(63);
    expect(new Set(keys.values()).size).toBe(63);
    expect(Object.fromEntries(Object.entries(byRepo).map(([repo, of]) => [repo, of.size]))).toEqual({
      'astropy/astropy': 4,
      'django/django': 8,
      'matplotlib/matplotlib': 8,
      'mwaskom/seaborn': 2,
      'pallets/flask': 1,
      'psf/requests': 2,
      'pydata/xarray': 5,
      'pylint-dev/pylint': 7,
      'pytest-dev/pytest': 10,
      'scikit-learn/scikit-learn': 5,
      'sphinx-doc/sphinx': 9,
      'sympy/sympy': 2,
    });
  });

  real('every instance has the Debian packages of its own version', async () => {
    for (const instance of await load('swe-bench-verified.parquet')) {
      const { systemPackages } = splitApt(findVersionSpec(instance)?.preInstall ?? []);
      expect(recipeOf(instance).environment.systemPackages).toEqual(
        expect.arrayContaining([...systemPackages]),
      );
    }
  });

  real('the other languages of Multilingual run from their published images', async () => {
    const specs = specsOf(await load('swe-bench-multilingual.parquet'));
    expect(specs).toHaveLength(300);
    expect(specs.every(({ recipe, images }) => recipe === undefined && images.length === 2)).toBe(true);
    for (const { noRecipe } of specs) expect(noRecipe).toContain('no table');
  });
});
