import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { AssayError, type RunEvent } from '../../src/index.js';
import { dockerEngine } from '../../src/engine/docker/index.js';
import { resolveImage } from '../../src/image/resolve.js';
import { evaluate } from '../../src/run/evaluate.js';
import { readRun } from '../../src/run/folder.js';
import { identifyProcess, type ProcessIdentity } from '../../src/util/process.js';
import { type Endpoint, type FakeEngine, startFakeEngine } from '../fixtures/engine/fake-engine.js';
import { type Fault, frame } from '../fixtures/engine/faults.js';
import { runInstanceOf, testClock, testJob, testManifest } from '../helpers/jobs.js';
import { assertWhole } from './judged.js';
import { scratchFolder } from './scratch.js';

const scratch = scratchFolder('socket');
const self = identifyProcess(process.pid) as ProcessIdentity;
/** Milliseconds: an engine that hangs costs a test little. */
const PATIENCE = { connectMs: 1000, removeMs: 200, createGraceMs: 100, exitCodeMs: 100 };
const DEADLINES = { pull: 0.6, start: 0.6, apply: 0.6, test: 0.6, collect: 5 };

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
  'a list': { kind: 'body', body: '[]' },
  'garbage frames': { kind: 'body', body: [frame(1, 'PASS'), Buffer.from('garbage!')] },
  'half a frame': { kind: 'body', body: [frame(1, 'PASS').subarray(0, 9)], cut: true },
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

const jobs = ['a', 'b', 'c'].map((id) => {
  const job = testJob(id);
  // One image that is there and one that a pull finds.
  const images = id === 'c' ? ['remote:1'] : ['assay-base:latest'];
  return { ...job, spec: { ...job.spec, images } };
});

/** Three attempts at an engine that misbehaves so; each request of the step, or the first only. */
async function runAt(fake: FakeEngine, folder: string): Promise<readonly RunEvent[]> {
  const engine = dockerEngine({ host: fake.host, patience: PATIENCE });
  const events: RunEvent[] = [];
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
      onEvent: (event) => events.push(event),
      onWarning: () => undefined,
      drain: never,
      kill: never,
    });
    return events;
  } finally {
    await engine.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < 3000; waited += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('a whole run at an engine on a Unix socket that misbehaves', () => {
  for (const step of STEPS) {
    test.concurrent.each(Object.entries(FAULTS))(
      `at each ${step}: %s`,
      async (name, fault) => {
        const folder = join(scratch.path, `${step} ${name}`);
        const fake = await startFakeEngine({
          faults: { [step]: fault },
          registry: ['remote:1'],
          run: (argv) => ({ stdout: argv.includes('/eval.sh') ? 'PASS' : '' }),
        });
        try {
          const from = performance.now();
          await runAt(fake, folder);
          expect(performance.now() - from).toBeLessThan(15_000);
          const { verdicts } = await readRun(folder);
          expect(verdicts.map(({ instanceId }) => instanceId)).toEqual(['a', 'b', 'c']);
          for (const verdict of verdicts) {
            assertWhole(verdict);
            // Nothing that an engine says wrong may count against the model.
            expect(['resolved', 'infra_error']).toContain(
              verdict.reason === 'test_timeout' ? 'resolved' : verdict.outcome,
            );
            expect(verdict.detail ?? '').not.toMatch(/^\s+at /m);
            expect(verdict.reason).not.toBe('internal');
          }
          const isBroken = step === 'remove' && fault.kind.endsWith('status') && fault.effect !== true;
          if (!isBroken) {
            await until(() => fake.containers().length === 0);
            expect(fake.containers()).toEqual([]);
          }
        } catch (error) {
          if (!(error instanceof AssayError)) throw error;
          expect(error.code).not.toBe('internal');
        } finally {
          await fake.close();
          await rm(folder, { recursive: true, force: true });
        }
      },
      60_000,
    );
  }
});
