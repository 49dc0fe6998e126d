import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compare } from './compare.js';
import { readContenders, readEntries } from './corpus.js';

const shared = process.env.ASSAY_SHARED ?? '../shared';
const corpus = join(shared, 'corpus');
const there = existsSync(corpus);

describe('parity with the official harness', () => {
  if (!there)
    console.info(`skipped: no recorded logs in ${corpus}; name a folder that has them in ASSAY_SHARED`);

  (there ? test : test.skip)(
    'every recorded log gets the official verdict and lists under v4.1 and v5',
    async () => {
      const entries = readEntries(corpus);
      const contenders = await readContenders({
        rows2025: join(shared, 'data/swe-bench-verified-2025.jsonl.gz'),
        rows2026: join(shared, 'data/swe-bench-verified.parquet'),
      });
      for (const contender of contenders) {
        const comparison = compare(corpus, entries, contender);
        expect(comparison.differences).toEqual([]);
        expect(comparison.equal).toBe(entries.length);
      }
      expect(entries.length).toBeGreaterThan(0);
    },
    120_000,
  );
});
