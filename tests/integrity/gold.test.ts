import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { MACHINERY } from '../../benchmarks/swe-bench/machinery.js';
import { guardedPaths } from '../../src/integrity/paths.js';
import { reaches } from '../../src/integrity/reach.js';
import { checkPatch } from '../../src/patch/check.js';

const FILE = join(process.env['ASSAY_SHARED'] ?? '../shared', 'data/swe-bench-verified-2025.jsonl.gz');
const here = existsSync(FILE) ? test : test.skip; // the dataset is not part of the repository

here(
  'gold patches of Verified: one touches a guarded path, and few reach beyond their own computation',
  () => {
    const rows = gunzipSync(readFileSync(FILE)).toString().trim().split('\n');
    const guarded: string[] = [];
    let reaching = 0;
    for (const row of rows.map((line) => JSON.parse(line))) {
      const { files } = checkPatch(row.patch);
      const tests = checkPatch(row.test_patch).files.flatMap(({ oldPath, newPath }) => [oldPath, newPath]);
      const testFiles = new Set(tests.filter((path) => path !== undefined));
      const own = MACHINERY[row.repo];
      for (const { path } of guardedPaths(files, testFiles, own)) guarded.push(`${row.instance_id} ${path}`);
      if (reaches(files, own).length > 0) reaching++;
    }
    expect(rows).toHaveLength(500);
    expect(guarded).toEqual(['pylint-dev__pylint-4661 setup.cfg']);
    expect(reaching).toBeLessThan(115);
  },
);
