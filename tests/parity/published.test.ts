import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assay } from '../helpers/cli.js';

const shared = resolve(process.env.ASSAY_SHARED ?? '../shared');
const outcomes = join(shared, 'data', 'outcomes-verified.json');
const rows = join(shared, 'data', 'swe-bench-verified.parquet');
const there = existsSync(outcomes) && existsSync(rows);
const A = 'swe-agent-claude-4-sonnet-20250522';
const B = 'mini-swe-agent-gemini-3-pro-20251118';
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-published-real-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('two published submissions', () => {
  if (!there) console.info(`skipped: no ${outcomes}; name a folder that has data/ in ASSAY_SHARED`);

  (there ? test : test.skip)('compare as SciPy says: 333 against 371 of 500', async () => {
    const run = (...args: string[]) => assay(args, { cwd: work, cache: join(work, 'cache') });
    for (const model of [A, B]) {
      const { code } = await run('runs', 'import', outcomes, '-d', rows, '--model', model, '-o', model);
      expect(code).toBe(0);
    }
    const { stdout } = await run('compare', A, B, '--json');
    const { runs, pairs } = JSON.parse(stdout);
    expect(runs.map(({ passAt1 }: { passAt1: { score: number } }) => passAt1.score)).toEqual([333, 371]);
    expect(pairs[0].table).toEqual({ both: 317, onlyA: 16, onlyB: 54, neither: 113 });
    // SciPy 1.17.1: binomtest(16, 70, 0.5).pvalue; statsmodels 0.15.0: mcnemar([[317, 16], [54, 113]], exact=True).pvalue
    expect(pairs[0].test.p / 5.85395552938811e-6).toBeCloseTo(1, 9);
    expect(pairs[0].difference).toBeCloseTo(0.076, 12);
  });
});
