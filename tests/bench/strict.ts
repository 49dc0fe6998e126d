import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from '../../src/index.js';

/**
 * `npm run bench:strict -- DATASET --gold [flags of assay eval]`: the same attempts with `--no-strict` and with strict verdicts, in turn, three times;
 * prints the wall times, their ratio and how many attempts needed further runs.
 */
const flags = process.argv.slice(2);
if (flags.length < 2) throw new Error('usage: npm run bench:strict -- DATASET --gold [flags of assay eval]');
const ROUNDS = 3;
const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));

/** Wall seconds of `assay eval`. */
function timed(name: string, ...more: string[]): number {
  const from = performance.now();
  const { status, stderr } = spawnSync(
    process.execPath,
    ['dist/src/cli/main.js', 'eval', ...flags, ...more, '-q', '-o', join(folder, name)],
    { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`assay eval ended with ${status}: ${stderr}`);
  return (performance.now() - from) / 1000;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const seconds = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(', ');

timed('warm', '--no-strict');
const official: number[] = [];
const strict: number[] = [];
for (let round = 1; round <= ROUNDS; round++) {
  official.push(timed(`official-${round}`, '--no-strict'));
  strict.push(timed(`strict-${round}`));
}
const run = join(folder, 'strict-1', 'i');
const verdicts = readdirSync(run).map(
  (id) => JSON.parse(readFileSync(join(run, id, '1', 'verdict.json'), 'utf8')) as Verdict,
);
const further = verdicts.filter(
  ({ strict: one }) => one?.inverted !== undefined || one?.restored !== undefined,
).length;
const resolved = verdicts.filter(({ outcome }) => outcome === 'resolved').length;
console.log(`${verdicts.length} attempts, ${resolved} resolved, ${further} of them with further runs`);
console.log(`official ${seconds(official)} s; with strict verdicts ${seconds(strict)} s`);
console.log(`ratio of the medians ${(median(strict) / median(official)).toFixed(3)}`);
rmSync(folder, { recursive: true, force: true });
