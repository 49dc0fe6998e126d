import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { readVerdicts } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { type Service, sampleRows, score, startService } from '../helpers/service.js';

/**
 * `npm run bench:oracle [-- GRADINGS]`: `assay serve sample` in a process of its own, asked over HTTP. Prints answers per second from the cache, what the
 * service adds to a grading of `assay eval`, and how 512 rollouts at once with GRADINGS (default 3000) different patches fare.
 */
const gradings = Number(process.argv[2] ?? 3000);
const IN_FLIGHT = 512;
const cache = mkdtempSync(join(tmpdir(), 'assay-oracle-'));
const rows = sampleRows();

const at = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
const ms = (seconds: number) => `${(seconds * 1000).toFixed(1)} ms`;

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly seconds: number }> {
  const from = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - from) / 1000 };
}

/** Megabytes that the process holds now. */
function memoryOf({ child }: Service): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function cached(service: Service): Promise<void> {
  const [row] = rows;
  if (row === undefined) throw new Error('the sample benchmark is empty');
  const request = { instance_id: row.instance_id, patch: row.patch };
  await score(service, request);
  const result = await autocannon({
    url: `${service.url}/v1/score`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    connections: 16,
    duration: 10,
  });
  console.log(
    `cached: ${result.requests.average.toFixed(0)} answers/s, p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms, ${result.non2xx + result.errors} failed (16 connections, 10 s)`,
  );
}

/** Each gold patch alone: the service's time to reward against the same grading of `assay eval -j 1`. */
async function overhead(service: Service): Promise<void> {
  const run = join(cache, 'run');
  const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
  const flags = ['eval', 'sample', '--gold', '-j', '1', '-q', '-o', run];
  const { status, stderr } = spawnSync(process.execPath, [main, ...flags], {
    env: { ...process.env, ASSAY_CACHE: cache },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`assay eval ended with ${status}: ${stderr}`);
  const phases = new Map(
    (await readVerdicts(run)).map(({ instanceId, seconds }) => [
      instanceId,
      Object.values(seconds).reduce((sum, value) => sum + value, 0),
    ]),
  );
  const added: number[] = [];
  for (const { instance_id, patch } of rows) {
    const { seconds } = await timed(() => score(service, { instance_id, patch: `# alone\n${patch}` }));
    added.push(seconds - (phases.get(instance_id) ?? 0));
  }
  console.log(
    `uncached: the service adds p50 ${ms(at(added, 0.5))}, p90 ${ms(at(added, 0.9))} to the phases of assay eval`,
  );
}

/** Rollouts that end at the same time: as many patches, each of its own. */
async function load(service: Service): Promise<void> {
  const waits: number[] = [];
  const counts = { right: 0, wrong: 0, unscorable: 0 };
  let next = 0;
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, memoryOf(service));
  }, 200);
  const client = async () => {
    for (let index = next++; index < gradings; index = next++) {
      const row = rows[index % rows.length];
      if (row === undefined) return;
      const isGold = index % 2 === 0;
      // Text before a diff changes nothing but the key; a patch of the other instances solves nothing.
      const patch = isGold ? `rollout ${index}\n${row.patch}` : `rollout ${index}\n${README}`;
      const { value, seconds } = await timed(() => score(service, { instance_id: row.instance_id, patch }));
      waits.push(seconds);
      if (value.body.status === 'unscorable') counts.unscorable++;
      else if (value.body.reward === (isGold ? 1 : 0)) counts.right++;
      else counts.wrong++;
    }
  };
  const { seconds } = await timed(() => Promise.all(Array.from({ length: IN_FLIGHT }, client)));
  clearInterval(watch);
  console.log(
    `load: ${gradings} gradings, ${IN_FLIGHT} in flight: ${counts.right} right, ${counts.wrong} wrong, ${counts.unscorable} unscorable, ${gradings - waits.length} lost; ${(gradings / seconds).toFixed(1)}/s in ${seconds.toFixed(0)} s; time to reward p50 ${at(waits, 0.5).toFixed(1)} s, p99 ${at(waits, 0.99).toFixed(1)} s; most memory of the service ${most.toFixed(0)} MB`,
  );
}

/** Applies anywhere, and solves nothing. */
const README =
  'diff --git a/NOTES.md b/NOTES.md\nnew file mode 100644\n--- /dev/null\n+++ b/NOTES.md\n@@ -0,0 +1 @@\n+Notes.\n';

const service = await startService(['sample', '-j', '2'], { cache });
try {
  await cached(service);
  await overhead(service);
  await load(service);
} finally {
  await service.stop();
  rmSync(cache, { recursive: true, force: true });
}
