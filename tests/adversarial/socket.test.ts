import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dockerEngine } from '../../src/engine/docker/index.js';
import { resolveImage } from '../../src/image/resolve.js';
import { evaluate } from '../../src/run/evaluate.js';
import { readRun } from '../../src/run/folder.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { messageOf } from '../../src/util/words.js';
import { type Endpoint, type FakeEngine, startFakeEngine } from '../fixtures/engine/fake-engine.js';
import { type Fault, frame } from '../fixtures/engine/faults.js';
import { runInstanceOf, testClock, testJob, testManifest } from '../helpers/jobs.js';
import { assertWhole } from './judged.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder('socket');
const self = identifyProcess(process.pid) as ProcessIdentity;
/** Milliseconds: an engine that hangs costs little, and one that works has time enough on a machine that does other work too. */
const PATIENCE = { connectMs: 1000, removeMs: 1500, createGraceMs: 300, exitCodeMs: 300 };
const DEADLINES = { pull: 1.5, start: 1.5, apply: 1.5, test: 1.5, collect: 5 };

const FAULTS: Readonly<Record<string, Fault>> = {
  hang: { kind: 'hang' },
  close: { kind: 'close' },
  cut: { kind: 'cut' },
  endless: { kind: 'endless' },
  html: { kind: 'html' },
  empty: { kind: 'empty' },
  null: { kind: 'body', body: 'null' },
  'broken JSON': { kind: 'body', body: '{"Id": ' },
  'wrong types': { kind: 'body', body: '{"Id": 5, "Running": "no", "ExitCode": "0", "RepoDigests": 7}' },
  'wrong types beside an id': {
    kind: 'body',
    body: '{"Id": "sha256:1", "RepoDigests": 7, "Config": 3, "Size": "big", "Running": 5}',
  },
  'a list': { kind: 'body', body: '[]' },
  'garbage frames': { kind: 'body', body: [frame(1, 'PASS'), Buffer.from('garbage!')] },
  'half a frame': { kind: 'body', body: [frame(1, 'PASS').subarray(0, 9)], end: 'cut' },
  'status 500': { kind: 'status', status: 500, message: 'boom' },
  'status 500 after the effect': { kind: 'status', status: 500, message: 'boom', effect: true },
  'status 502 in HTML': { kind: 'html-status', status: 502 },
  'status 404': { kind: 'status', status: 404, message: 'no such thing' },
  'status 409': { kind: 'status', status: 409, message: 'conflict' },
  'status 429': { kind: 'status', status: 429, message: 'toomanyrequests: rate limit' },
  'a full disk': { kind: 'status', status: 500, message: 'write /x: no space left on device' },
};
const STEPS: readonly Endpoint[] = [
  ...(['ping', 'events', 'inspectImage', 'pull', 'create', 'start'] as const),
  ...(['put', 'execCreate', 'execStart', 'execInspect', 'kill', 'remove'] as const),
];

const REMOTE = 'demo/remote:1';
const jobs = ['a', 'b', 'c'].map((id) => {
  const job = testJob(id);
  // One image that is there and one that a pull finds.
  const images = id === 'c' ? [REMOTE] : ['assay-base:latest'];
  return { ...job, spec: { ...job.spec, images } };
});

/** Three attempts at an engine that misbehaves. */
async function runAt(fake: FakeEngine, folder: string): Promise<void> {
  const engine = dockerEngine({ host: fake.host, patience: PATIENCE });
  const never = new AbortController().signal;
  try {
    await evaluate({
      folder,
      manifest: testManifest(),
      instances: jobs.map(runInstanceOf),
      jobs,
      context: {
        engine,
        engineInfo: { version: 'x', isolation: 'x', isolated: true, cpus: 1, freeMemoryBytes: 1 },
        clock: testClock(),
        deadlines: DEADLINES,
        limits: { memoryBytes: 1, cpus: 1, pids: 1, network: false, capAdd: [] },
        mayUseNetwork: true,
        labels: { 'assay.run': 'test' },
        resolveImage: (spec, signal) => resolveImage(spec, { engine: engine.images, signal }),
      },
      owner: self,
      workers: 3,
      retries: 0,
      durations: new Map(),
      onEvent: () => undefined,
      onWarning: () => undefined,
      drain: never,
      kill: never,
    });
  } finally {
    await engine.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < 8000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

/** What is wrong after a run at an engine with that fault; undefined when all is as it must be. */
async function faultOfRun(step: Endpoint, name: string, fault: Fault): Promise<string | undefined> {
  const folder = join(scratch.path, `${step} ${name}`);
  const fake = await startFakeEngine({
    faults: { [step]: fault },
    registry: [REMOTE],
    run: (argv) => ({ stdout: argv.includes('/eval.sh') ? 'PASS' : '' }),
  });
  try {
    const from = performance.now();
    await runAt(fake, folder);
    const { verdicts } = await readRun(folder);
    expect(performance.now() - from).toBeLessThan(45_000);
    expect(verdicts.map(({ instanceId }) => instanceId)).toEqual(['a', 'b', 'c']);
    for (const verdict of verdicts) {
      assertWhole(verdict);
      const { outcome, reason, detail = '' } = verdict;
      // Nothing that an engine does wrong may count against the model, but for time that its tests take.
      const isFair = outcome === 'resolved' || outcome === 'infra_error' || reason === 'test_timeout';
      expect({ isFair, reason, detail }).toMatchObject({
        isFair: true,
        detail: expect.not.stringMatching(/^ +at /m),
      });
      expect({ reason, detail }).not.toMatchObject({ reason: 'internal' });
    }
    const isBroken = step === 'remove' && fault.kind.endsWith('status') && fault.effect !== true;
    await until(() => isBroken || fake.containers().length === 0);
    if (!isBroken) expect(fake.containers()).toEqual([]);
    return undefined;
  } catch (error) {
    return `${name}: ${messageOf(error)}`;
  } finally {
    await fake.close();
    await rm(folder, { recursive: true, force: true });
  }
}

describe('a whole run at an engine on a Unix socket that misbehaves', () => {
  test.each(STEPS)(
    `at each request to %s, in ${Object.keys(FAULTS).length} ways, gives each attempt a verdict and leaves no container`,
    async (step) => {
      const ends = await Promise.all(
        Object.entries(FAULTS).map(([name, fault]) => faultOfRun(step, name, fault)),
      );
      expect(ends.filter((end) => end !== undefined)).toEqual([]);
    },
    90_000,
  );
});
