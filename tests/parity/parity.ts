import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './compare.js';
import { readContenders, readEntries } from './corpus.js';

const USAGE = `usage: npm run parity -- DIR [--rows-2025 FILE] [--rows-2026 FILE]
Grades the logs of a corpus folder (expected.jsonl.gz, logs/) and compares with the official outcomes.
Rows: by default DIR/../data/swe-bench-verified-2025.jsonl.gz (v4.1) and DIR/../data/swe-bench-verified.parquet (v5).`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'rows-2025': { type: 'string' }, 'rows-2026': { type: 'string' } },
});
const [dir] = positionals;
if (dir === undefined) {
  console.error(USAGE);
  process.exit(2);
}
const entries = readEntries(dir);
const contenders = await readContenders({
  rows2025: values['rows-2025'] ?? join(dir, '../data/swe-bench-verified-2025.jsonl.gz'),
  rows2026: values['rows-2026'] ?? join(dir, '../data/swe-bench-verified.parquet'),
});
for (const contender of contenders) {
  const { profile, logs, equal, differences } = compare(dir, entries, contender);
  for (const difference of differences) console.log(difference);
  console.log(`${profile}: ${equal} of ${logs} logs equal`);
  if (equal !== logs) process.exitCode = 1;
}
