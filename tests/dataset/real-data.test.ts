import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sweBench2025, sweBench2026, sweBenchAliases } from '../../datasets/swe-bench/index.js';
import { sweRebenchAliases, sweRebenchV1, sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { loadRows } from '../../src/dataset/load.js';
import { checkPatch } from '../../src/patch/check.js';
import { readPredictions } from '../../src/patch/read.js';

const data = join(process.env['ASSAY_SHARED'] ?? '../shared', 'data');
const there = existsSync(data);
const real = there ? test : test.skip;
const why = there ? '' : ` (skipped: no real data at ${data}; set ASSAY_SHARED)`;

const formats = [sweBench2026, sweBench2025, sweRebenchV1, sweRebenchV2];
async function load(file: string) {
  const rows = await loadRows({
    source: join(data, file),
    aliases: { ...sweBenchAliases, ...sweRebenchAliases },
    cwd: '.',
    cacheDir: '/nowhere',
    hub: { endpoint: 'http://127.0.0.1:1', offline: true, cacheDir: '/nowhere' },
  });
  return toInstances({ ...rows, formats });
}

describe(`real datasets${why}`, () => {
  real.each([
    ['swe-bench-verified.parquet', 500, 'swe-bench-2026', 12],
    ['swe-bench-verified-2025.jsonl.gz', 500, 'swe-bench-2025', 12],
    ['swe-bench-lite.parquet', 300, 'swe-bench-2026', 12],
    ['swe-bench-multilingual.parquet', 300, 'swe-bench-2026', 41],
    ['swe-rebench.jsonl', 11, 'swe-rebench-v1', 10],
    ['swe-rebench-v2.json', 1, 'swe-rebench-v2', 1],
  ])('%s gives %i instances of %s in %i repositories', async (file, count, format, repos) => {
    const instances = await load(file);
    expect(instances).toHaveLength(count);
    expect(new Set(instances.map(({ rowFormat }) => rowFormat))).toEqual(new Set([format]));
    expect(new Set(instances.map(({ repo }) => repo)).size).toBe(repos);
    for (const { failToPass, passToPass, createdAt, patch, testPatch } of instances) {
      // tokio-rs__axum-1730 of Multilingual is published with an empty FAIL_TO_PASS.
      expect(failToPass.length + passToPass.length).toBeGreaterThan(0);
      expect(createdAt).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      for (const text of [patch, testPatch]) {
        expect(checkPatch(text).files.length).toBeGreaterThan(0);
        expect(
          checkPatch(text).files.every(
            ({ hunks, change, binary }) => hunks > 0 || binary || change !== 'modified',
          ),
        ).toBe(true);
      }
    }
  });

  real('the rows of 2025 and of 2026 say the same but for two lists of PASS_TO_PASS', async () => {
    const [old, now] = [
      await load('swe-bench-verified-2025.jsonl.gz'),
      await load('swe-bench-verified.parquet'),
    ];
    const newer = new Map(now.map((instance) => [instance.instanceId, instance]));
    const differing = old.filter((instance) => {
      const other = newer.get(instance.instanceId);
      expect({
        ...other,
        evalScript: 0,
        evalType: 0,
        image: 0,
        logParser: 0,
        passToPass: 0,
        rowFormat: 0,
        rowHash: 0,
      }).toEqual({
        ...instance,
        evalScript: 0,
        evalType: 0,
        image: 0,
        logParser: 0,
        passToPass: 0,
        rowFormat: 0,
        rowHash: 0,
      });
      return JSON.stringify(other?.passToPass.toSorted()) !== JSON.stringify(instance.passToPass.toSorted());
    });
    expect(differing).toHaveLength(2);
  });
});

describe(`real predictions${why}`, () => {
  real('500 for Verified: one empty patch, nothing else to say', async () => {
    const instances = await load('swe-bench-verified.parquet');
    const source = join(data, 'predictions', 'mini-swe-agent-gemini-3-pro.json.gz');
    const { predictions, warnings } = await readPredictions({ source, cwd: '.', instances });
    expect(warnings).toEqual([]);
    expect(predictions).toHaveLength(500);
    expect(predictions.filter(({ defect }) => defect !== undefined)).toMatchObject([
      { patch: '', defect: 'empty patch' },
    ]);
    expect(new Set(predictions.map(({ model }) => model))).toEqual(new Set(['google/gemini-3-pro-preview']));
  });

  real('296 malformed ones for Lite: 290 fenced, none a defect', async () => {
    const instances = await load('swe-bench-lite.parquet');
    const source = join(data, 'predictions', 'lite_296_Dex-8B_malformed.all_preds.jsonl');
    const { predictions } = await readPredictions({ source, cwd: '.', instances });
    expect(predictions).toHaveLength(296);
    expect(predictions.filter(({ notes }) => notes[0]?.startsWith('fenced'))).toHaveLength(290);
    expect(predictions.filter(({ defect }) => defect !== undefined)).toEqual([]);
  });
});
