import { DEFAULT_DEADLINES } from '../../src/container/deadline.js';
import type {
  Engine,
  EvalSpec,
  GradingProfile,
  Prediction,
  RunInstance,
  RunManifest,
} from '../../src/index.js';
import type { Job, RunInstanceContext } from '../../src/run-instance.js';
import type { Clock } from '../../src/util/clock.js';

/** Real timers, with wall time in order and a deadline shortened by `speed`. */
export function testClock(speed = 1): Clock {
  return {
    now: () => performance.now(),
    iso: () => new Date().toISOString(),
    after(ms, fire) {
      const timer = setTimeout(fire, ms / speed);
      return () => clearTimeout(timer);
    },
  };
}

/** Resolved when the log says `PASS`, unresolved when it says `FAIL`, else no results. */
export const testProfile: GradingProfile = {
  name: 'v5',
  graderVersion: 'test-1',
  applyCommands: ['apply-strict {patch}', 'apply-loose {patch}'],
  alreadyAppliedCheck: 'apply-reverse {patch}',
  prepareScript: (script) => script,
  grade(log, { failToPass }) {
    const found = /PASS|FAIL/.test(log);
    const passed = log.includes('PASS');
    const lists = passed
      ? { success: [...failToPass], failure: [] }
      : { success: [], failure: [...failToPass] };
    return {
      found,
      ...(found
        ? { tests: { FAIL_TO_PASS: lists, PASS_TO_PASS: { success: [], failure: [] } } }
        : { notFoundReason: 'markers_missing' }),
      resolved: passed,
      resolution: passed ? 'FULL' : 'NO',
    };
  },
};

export function testSpec(instanceId: string, extra: Partial<EvalSpec> = {}): EvalSpec {
  return {
    instanceId,
    repo: 'test/repo',
    rowHash: `row-${instanceId}`,
    failToPass: ['t1'],
    passToPass: [],
    images: ['image:latest'],
    workdir: '/testbed',
    evalScript: `run ${instanceId}`,
    logParser: 'none',
    evalType: 'pass_and_fail',
    needs: {},
    ...extra,
  };
}

export function testJob(
  instanceId: string,
  patch: string | null = 'diff',
  prediction: Partial<Prediction> = {},
): Job {
  return {
    spec: testSpec(instanceId),
    prediction: { instanceId, model: 'test-model', attempt: 1, patch, notes: [], ...prediction },
    profile: testProfile,
  };
}

type Base = Omit<RunInstanceContext, 'log' | 'onPhase' | 'signal' | 'discard'>;

export async function testContext(engine: Engine, extra: Partial<Base> = {}): Promise<Base> {
  return {
    engine,
    engineInfo: await engine.info(),
    clock: testClock(),
    deadlines: DEFAULT_DEADLINES,
    limits: { memoryBytes: 1, cpus: 1, pids: 1, network: false, capAdd: [] },
    mayUseNetwork: true,
    labels: { 'assay.run': 'test' },
    resolveImage: async (spec, signal) => {
      const ref = spec.images[0] ?? '';
      return (await engine.images.inspect(ref, signal)) ?? engine.images.pull(ref, { signal });
    },
    ...extra,
  };
}

export function testManifest(options: Record<string, unknown> = {}): RunManifest {
  return {
    schemaVersion: 1,
    runId: 'test',
    assayVersion: '0',
    createdAt: '2026-01-01T00:00:00.000Z',
    settings: {
      dataset: 'test',
      datasetRevision: 'local',
      datasetSha256: '0',
      options,
      predictions: 'gold',
      predictionsSha256: '0',
      model: 'test-model',
      profile: 'v5',
      graderVersion: 'test-1',
      engine: 'docker',
      epochs: 1,
      timeoutSeconds: 1800,
    },
    machine: {},
  };
}

export function runInstanceOf({ spec }: Job): RunInstance {
  const { instanceId, repo, failToPass, passToPass, rowHash, logParser, evalType } = spec;
  return {
    instanceId,
    repo,
    failToPass: [...failToPass],
    passToPass: [...passToPass],
    rowHash,
    logParser,
    evalType,
    attempts: 1,
  };
}
