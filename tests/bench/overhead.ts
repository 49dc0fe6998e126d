// npm run bench:overhead -- [--dataset FILE --id ID ...]
// Wall time per instance of `assay eval` against a bare `docker run` of the same patch and script on the same image, in one run.
// Without arguments: eight instances of the bundled sample whose tests wait 3 s. Their images must exist: `assay images build sample`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { v5 } from '../../benchmarks/swe-bench/profiles.js';
import { realHost } from '../../src/cli/host.js';
import { loadInstances, specsOf } from '../../src/cli/inputs.js';
import type { EvalSpec, Instance } from '../../src/index.js';
import { readVerdicts } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';

const ROUNDS = 3;
const COUNT = 8;
const WAIT_SECONDS = 3;

const { values } = parseArgs({
  options: { dataset: { type: 'string' }, id: { type: 'string', multiple: true } },
});
const work = mkdtempSync(join(tmpdir(), 'assay-overhead-'));
const cli = join(packageRoot(), 'dist/src/cli/main.js');

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

function seconds(command: string, args: readonly string[], input?: string): number {
  const from = performance.now();
  const { status, stderr } = spawnSync(command, args, { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} exited with ${status}: ${stderr.slice(-2000)}`);
  return (performance.now() - from) / 1000;
}

/** Sample rows whose test command waits first, so that a schedule can be told from start-up costs. */
function slowSample(): string {
  const rows = readFileSync(join(packageRoot(), 'datasets/sample/instances.jsonl'), 'utf8')
    .trimEnd()
    .split('\n');
  const slow = rows
    .map((line) => JSON.parse(line) as { eval_script: string; instance_id: string; repo: string })
    .filter(({ eval_script }) => eval_script.includes('node --test'))
    .slice(0, COUNT)
    .map((row) => ({
      ...row,
      eval_script: row.eval_script.replace(/^(: '>>>>> Start Test Output')$/m, `sleep ${WAIT_SECONDS}\n$1`),
    }));
  const path = join(work, 'slow.jsonl');
  writeFileSync(path, slow.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** What a person without a harness would run: start the image, apply the patch, run the script. */
function bareSeconds(instance: Instance, spec: EvalSpec): number {
  const image = spec.images.find((ref) => spawnSync('docker', ['image', 'inspect', ref]).status === 0);
  if (image === undefined)
    throw new Error(`${spec.instanceId}: none of ${spec.images.join(', ')} is here; see assay images build`);
  const script = `cd ${spec.workdir}\ngit apply - <<'ASSAY_PATCH'\n${instance.patch}\nASSAY_PATCH\n${v5.prepareScript(spec.evalScript)}\nexit 0\n`;
  return seconds('docker', ['run', '--rm', '-i', '--network', 'none', image, '/bin/bash', '-s'], script);
}

async function evalRun(
  dataset: string,
  ids: readonly string[],
  workers: number,
): Promise<{ wall: number; each: number[] }> {
  const folder = join(work, `run-${performance.now()}`);
  const wall = seconds(process.execPath, [
    ...[cli, 'eval', dataset, '--gold', '--engine', 'docker', '-j', String(workers), '-q', '-o', folder],
    ...ids.flatMap((id) => ['-i', id]),
  ]);
  const verdicts = await readVerdicts(folder);
  const wrong = verdicts.filter(({ outcome }) => outcome !== 'resolved');
  if (wrong.length > 0)
    throw new Error(
      `not resolved: ${wrong.map(({ instanceId, reason }) => `${instanceId} ${reason}`).join(', ')}`,
    );
  return {
    wall,
    each: verdicts.map((verdict) => Object.values(verdict.seconds).reduce((sum, value) => sum + value, 0)),
  };
}

const print = (text: string) => process.stdout.write(`${text}\n`);
try {
  const dataset = values.dataset ?? slowSample();
  const { instances } = await loadInstances(
    { dataset, ...(values.id === undefined ? {} : { id: values.id }) },
    realHost(),
  );
  const specs = specsOf(instances);
  const ids = instances.map(({ instanceId }) => instanceId);
  const overheads: number[] = [];
  const perInstance: number[] = [];
  const ratios: number[] = [];
  await evalRun(dataset, ids.slice(0, 1), 1);
  for (let round = 1; round <= ROUNDS; round++) {
    const bare = instances.map((instance) =>
      bareSeconds(instance, specs.get(instance.instanceId) as EvalSpec),
    );
    const sum = bare.reduce((total, value) => total + value, 0);
    const one = await evalRun(dataset, ids, 1);
    const two = await evalRun(dataset, ids, 2);
    const ideal = Math.max(sum / 2, ...bare);
    overheads.push((one.wall - sum) / ids.length);
    perInstance.push(median(one.each) - median(bare));
    ratios.push(two.wall / ideal);
    print(
      `round ${round}: ${ids.length} instances, bare ${sum.toFixed(2)} s; -j 1 ${one.wall.toFixed(2)} s; -j 2 ${two.wall.toFixed(2)} s, ideal ${ideal.toFixed(2)} s`,
    );
  }
  print(
    `-j 1: ${median(overheads).toFixed(2)} s more per instance than docker run, whole command (median of ${ROUNDS} rounds)`,
  );
  print(`-j 1: ${median(perInstance).toFixed(2)} s more in the median instance, by its phase times`);
  print(`-j 2: ${median(ratios).toFixed(3)} x the ideal schedule (sum of bare runs / 2)`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
