import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readContenders, readEntries, readLog } from '../parity/corpus.js';

const USAGE = `usage: npm run bench:grade -- DIR [--seconds 3] [--rows-2025 FILE] [--rows-2026 FILE]
Grades the logs of a corpus folder over and over on one core and prints logs/s and MB/s per profile. Timed: reading the unpacked log
from disk, decoding, parsing, grading. Not timed: gunzip (done once into a temporary folder) and reading the rows.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '3' },
    'rows-2025': { type: 'string' },
    'rows-2026': { type: 'string' },
  },
});
const [dir] = positionals;
if (dir === undefined) {
  console.error(USAGE);
  process.exit(2);
}

const contenders = await readContenders({
  rows2025: values['rows-2025'] ?? join(dir, '../data/swe-bench-verified-2025.jsonl.gz'),
  rows2026: values['rows-2026'] ?? join(dir, '../data/swe-bench-verified.parquet'),
});
const scratch = mkdtempSync(join(tmpdir(), 'assay-bench-grade-'));
try {
  const logs = readEntries(dir).map((entry, index) => {
    const path = join(scratch, `${index}.log`);
    writeFileSync(path, readLog(dir, entry));
    return { path, id: entry.instance_id, bytes: statSync(path).size };
  });
  const bytes = logs.reduce((sum, log) => sum + log.bytes, 0);
  console.log(`${logs.length} logs, ${(bytes / 1e6).toFixed(1)} MB, one core; gunzip not timed`);
  for (const { profile, targets } of contenders) {
    const round = () => {
      for (const { path, id } of logs) {
        const target = targets.get(id);
        if (target === undefined) throw new Error(`no row for ${id}`);
        profile.grade(readFileSync(path, 'utf8'), target);
      }
    };
    const cold = timed(round);
    const rounds: Spent[] = [];
    const from = performance.now();
    while (performance.now() - from < Number(values.seconds) * 1000) rounds.push(timed(round));
    const rate = (seconds: number) =>
      `${(logs.length / seconds).toFixed(0)} logs/s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`;
    const wall = median(rounds.map((spent) => spent.wall));
    const cpu = median(rounds.map((spent) => spent.cpu));
    console.log(
      `${profile.name}: ${rate(wall)} (median of ${rounds.length} rounds); by CPU time ${rate(cpu)}; first round ${rate(cold.wall)}`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Seconds: what a clock shows, and what the processor gave (less than one core where the machine is busy). */
interface Spent {
  readonly wall: number;
  readonly cpu: number;
}

function timed(work: () => void): Spent {
  const from = performance.now();
  const used = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(used);
  return { wall: (performance.now() - from) / 1000, cpu: (user + system) / 1e6 };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}
