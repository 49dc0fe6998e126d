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
const cpu: number[] = [];
let count = 0;
for (let round = 0; round < Number(rounds); round++) {
  const start = performance.now();
  const used = process.cpuUsage();
  const { rows, file } = await loadRows({
    source: resolve(path),
    aliases: {},
    cwd: '.',
    cacheDir: '.',
    hub: { endpoint: '', offline: true, cacheDir: '.' },
  });
  count = toInstances({ rows, formats, file }).length;
  times.push(performance.now() - start);
  const { user, system } = process.cpuUsage(used);
  cpu.push((user + system) / 1000);
}
const ms = (value: number | undefined) => `${value?.toFixed(0)} ms`;

/** The middle value; the lower of two. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1];
}

console.log(
  `${count} instances, ${times.length} rounds: first ${ms(times[0])} (libraries and schemas are loaded in it), ` +
    `median ${ms(median(times))}, slowest ${ms(Math.max(...times))}; median CPU time ${ms(median(cpu))}`,
);
