import { expect, test } from '@jest/globals';
import { parserFinder } from '../../benchmarks/parsers/registry.js';
import { buildSample } from '../../datasets/sample/build.js';
import { hasPython, PATH, SAMPLE, sampleText } from './sources.js';

const findParser = parserFinder('swe-bench-5');

/** Skipped where python3 isn't there: a third of the rows can't be made. */
(hasPython ? test : test.skip)(
  'running every instance without and with its gold patch gives the rows that are in git, byte by byte',
  async () => {
    const rows = await buildSample({ folder: SAMPLE, path: PATH, findParser, repeats: 1 });
    expect(rows.map((row) => `${JSON.stringify(row)}\n`).join('')).toBe(sampleText('instances.jsonl'));
  },
  300_000,
);
