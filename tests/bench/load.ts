import { resolve } from 'node:path';
import { sweBench2025, sweBench2026 } from '../../datasets/swe-bench/index.js';
import { sweRebenchV1, sweRebenchV2 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { loadRows } from '../../src/dataset/load.js';

/** `npm run bench:load -- FILE [ROUNDS]`: ms from bytes on disk to checked Instances, within one process. */
const [path, rounds = '10'] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: npm run bench:load -- FILE [ROUNDS]');

const formats = [sweBench2026, sweBench2025, sweRebenchV1, sweRebenchV2];
const times: number[] = [];
let count = 0;
for (let round = 0; round < Number(rounds); round++) {
  const start = performance.now();
  const { rows, file } = await loadRows({
    source: resolve(path),
    aliases: {},
    cwd: '.',
    cacheDir: '.',
    hub: { endpoint: '', offline: true, cacheDir: '.' },
  });
  count = toInstances({ rows, formats, file }).length;
  times.push(performance.now() - start);
}
const sorted = times.toSorted((a, b) => a - b);
const middle = sorted.length / 2;
const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
console.log(
  `${count} instances, ${times.length} rounds: first ${times[0]?.toFixed(0)} ms (libraries and schemas are loaded in it), ` +
    `median ${median.toFixed(0)} ms, slowest ${sorted.at(-1)?.toFixed(0)} ms`,
);
