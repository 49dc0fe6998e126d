import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { pipPins } from '../../benchmarks/python/pins.js';
import { frozenEnvironments } from '../../benchmarks/swe-bench/environment.js';
import { sweBench } from '../../benchmarks/swe-bench/index.js';
import { sweRebenchV1Benchmark, sweRebenchV2Benchmark } from '../../benchmarks/swe-rebench/index.js';
import { sweBench2025, sweBench2026, sweBenchAliases } from '../../datasets/swe-bench/index.js';
import { sweRebenchAliases, sweRebenchV1, sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { loadRows } from '../../src/dataset/load.js';
import type { EvalSpec, Instance } from '../../src/index.js';

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
        preInstall: [],
      });
  });

  real(
    'every recipe has exact pins, a tag-friendly name, and nothing of the gold patch or the test patch',
    async () => {
      const files = ['swe-bench-verified.parquet', 'swe-rebench.jsonl', 'swe-rebench-v2.json'];
      for (const instance of (await Promise.all(files.map(load))).flat()) {
        const [spec] = specsOf([instance]);
        const recipe = spec?.recipe;
        expect(recipe?.name).toMatch(/^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/);
        expect(recipe?.environment.python ?? '3.9').toMatch(/^3\.\d+$/);
        for (const pin of recipe?.environment.pythonPackages ?? [])
          expect(pin).toMatch(/^[a-z0-9-]+==[\w.!+]+$/);
        const text = JSON.stringify(recipe);
        expect(text.includes('diff --git') || text.includes('@@ ')).toBe(false);
        expect(recipe?.source).toEqual({ kind: 'git', repo: instance.repo, commit: instance.baseCommit });
      }
    },
  );

  real('instances of one environment share everything below the tree', async () => {
    const specs = specsOf(await load('swe-bench-verified.parquet'));
    const environments = specs.map(({ recipe }) => JSON.stringify(recipe?.environment));
    expect(new Set(environments).size).toBeLessThanOrEqual(63);
  });

  real('the other languages of Multilingual run from their published images', async () => {
    const specs = specsOf(await load('swe-bench-multilingual.parquet'));
    expect(specs).toHaveLength(300);
    expect(specs.every(({ recipe, images }) => recipe === undefined && images.length === 2)).toBe(true);
  });
});
