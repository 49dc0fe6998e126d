import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { OPERATIONS } from '../../datasets/sample/drills/words.js';
import type { Policy } from '../../plugins/agent/policy/policy.js';
import { connectForInstances } from '../../src/cli/connect.js';
import { contextFor } from '../../src/cli/context.js';
import { realHost } from '../../src/cli/host.js';
import { loadInstances } from '../../src/cli/inputs.js';
import { planOf } from '../../src/cli/plan.js';
import { rollOut } from '../../src/cli/rollout-run.js';
import { toPrediction } from '../../src/patch/read.js';
import { drillScaffold } from './reproduce/scaffold.js';
import { meaningOf, scriptedPolicy } from './reproduce/scripted.js';

/**
 * `npm run bench:drills -- [SAMPLES] [AT_ONCE]`: that many episodes of each drill, so many at once, with a policy that knows what words mean and with one that draws
 * the operation. Prints the share that is strictly resolved, and the processor time of each episode, with and without its grading.
 */
const numbers = process.argv.slice(2).map(Number);
const [samples = 2, atOnce = 4] = numbers;
const operations = Object.keys(OPERATIONS);
const draw = () => operations[Math.floor(Math.random() * operations.length)] as string;
const folder = mkdtempSync(join(tmpdir(), 'assay-drills-'));
const host = { ...realHost(), cacheDir: join(folder, 'cache'), cwd: folder, err: () => undefined };
const never = new AbortController().signal;

/** Seconds of processor time of this process's control group (cgroup v1's, which counts all that is in a sandbox), else of the whole machine. */
function processorSeconds(): number {
  const group = /:cpuacct:\/(.+)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (group !== undefined)
    return Number(readFileSync(`/sys/fs/cgroup/cpuacct/${group}/cpuacct.usage`, 'utf8')) / 1e9;
  return cpus().reduce((sum, { times: { user, nice, sys } }) => sum + user + nice + sys, 0) / 1000;
}

async function play(name: string, policy: Policy, isGraded: boolean): Promise<void> {
  const args = { dataset: 'drills', 'run-id': name, output: join(folder, name) };
  const dataset = await loadInstances(args, host);
  const model = name;
  const predictions = dataset.instances.flatMap(({ instanceId }) =>
    Array.from({ length: samples }, (_, index) =>
      toPrediction({ instanceId, model, attempt: index + 1, patch: null }),
    ),
  );
  const plan = planOf({ ...args, epochs: 1 }, host, {
    ...{
      dataset,
      predictions,
      model,
      label: model,
      source: 'rollout',
      sha256: '',
      trusted: false,
      options: {},
    },
  });
  const onLog = (line: string) => console.error(line);
  const connected = await connectForInstances(
    {},
    { engineName: 'local', host, pullSeconds: 60, onLog, signal: never },
  );
  try {
    const { context } = await contextFor({}, { connected, host, trusted: false, runId: name });
    const [from, before] = [performance.now(), processorSeconds()];
    const { results } = await rollOut({
      ...{ plan, engine: connected.engine, context, host },
      instances: new Map(dataset.all.map((instance) => [instance.instanceId, instance])),
      policy: () => policy,
      scaffold: drillScaffold,
      settings: {
        ...{ model, demonstration: false, purpose: 'eval' },
        limits: {
          ...{ turns: 6, contextTokens: 512, commandSeconds: 10, episodeSeconds: 120 },
          ...{ observationChars: 2000, gradeUnsubmitted: true },
        },
      },
      ...{ sandboxes: atOnce, modelCalls: atOnce, gradings: 2, retries: 0 },
      ...(isGraded ? { grade: { strict: true } } : {}),
      ...{ onEvent: () => undefined, onRunEvent: () => undefined, onWarning: onLog },
      interrupt: { drain: never, kill: never },
    });
    const [seconds, cpu] = [(performance.now() - from) / 1000, processorSeconds() - before];
    const resolved = results.verdicts.filter(({ strict }) => strict?.resolved === true).length;
    const count = predictions.length;
    console.log(
      `${name}: ${count} episodes, ${((1000 * cpu) / count).toFixed(0)} ms of processor time each, ${((1000 * seconds) / count).toFixed(0)} ms of wall time each${
        isGraded ? `, strictly resolved ${((100 * resolved) / count).toFixed(1)} %` : ''
      }`,
    );
  } finally {
    await connected.engine.close();
  }
}

try {
  await play('warm-up', scriptedPolicy(meaningOf), false);
  await play('perfect', scriptedPolicy(meaningOf), false);
  await play('perfect-graded', scriptedPolicy(meaningOf), true);
  await play('random-graded', scriptedPolicy(draw), true);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
