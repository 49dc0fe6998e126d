import type { RunInstance, RunResults, Verdict } from '../../src/index.js';

/** An instance with two expected tests. */
export function instance(instanceId: string, fields: Partial<RunInstance> = {}): RunInstance {
  return {
    instanceId,
    repo: instanceId.replace(/-\d+$/, '').replace('__', '/'),
    failToPass: ['test_fix'],
    passToPass: ['test_old'],
    logParser: 'parse_log_pytest',
    evalType: 'pass_and_fail',
    rowHash: 'row',
    attempts: 1,
    ...fields,
  };
}

const OFFICIAL = {
  patchIsNone: false,
  patchExists: true,
  patchSuccessfullyApplied: false,
  resolved: false,
  infraFailure: false,
};

/** A verdict of version 5 in Docker; `resolved` with both tests passed unless said otherwise. */
export function verdict(instanceId: string, fields: Partial<Verdict> = {}): Verdict {
  const outcome = fields.outcome ?? 'resolved';
  const graded =
    outcome === 'resolved' ||
    (outcome === 'unresolved' && (fields.reason ?? 'tests_failed') === 'tests_failed');
  const resolved = outcome === 'resolved';
  return {
    schemaVersion: 1,
    instanceId,
    attempt: 1,
    model: 'acme/solver',
    outcome,
    reason: resolved ? 'tests_passed' : 'tests_failed',
    profile: 'v5',
    graderVersion: '1',
    key: 'key',
    patchSha256: 'patch',
    rowHash: 'row',
    image: `sweb.eval.${instanceId}`,
    imageDigest: `sha256:${instanceId}`,
    notes: [],
    ...(graded
      ? {
          exitCode: resolved ? 0 : 1,
          tests: {
            FAIL_TO_PASS: resolved
              ? { success: ['test_fix'], failure: [] }
              : { success: [], failure: ['test_fix'] },
            PASS_TO_PASS: { success: ['test_old'], failure: [] },
          },
        }
      : {}),
    official: { ...OFFICIAL, patchSuccessfullyApplied: graded, resolved },
    engine: 'docker',
    isolation: 'container, no network',
    granted: {},
    seconds: { start: 0.25, test: 2 },
    tries: 1,
    finishedAt: '2026-11-22T12:00:00.000Z',
    ...fields,
  };
}

export const EMPTY_PATCH = {
  outcome: 'invalid',
  reason: 'empty_patch',
  official: { ...OFFICIAL, patchIsNone: true, patchExists: false },
} as const satisfies Partial<Verdict>;

const APPLY_FAILED = {
  outcome: 'invalid',
  reason: 'apply_failed',
  phase: 'apply',
  detail: 'error: patch failed: setup.py:1',
  official: OFFICIAL,
} as const satisfies Partial<Verdict>;

/** A strict verdict that says no to a resolved attempt. */
export const TAMPERED = {
  strict: {
    resolved: false,
    reason: 'tampered',
    detail: 'with conftest.py as before the patch: 1 | failed',
    guarded: [{ path: 'conftest.py', guard: 'configuration' }],
    reaches: ['conftest.py: configuration'],
    restored: false,
  },
};

/** A strict verdict that agrees. */
export const CLEAN = { strict: { resolved: true, reason: 'tests_passed', guarded: [], reaches: [] } };

const TIMEOUT = {
  outcome: 'unresolved',
  reason: 'test_timeout',
  phase: 'test',
  official: OFFICIAL,
} as const satisfies Partial<Verdict>;

export const PULL_LIMITED = {
  outcome: 'infra_error',
  reason: 'image_pull_limited',
  phase: 'pull',
  detail: '429 Too Many Requests\nsecond line',
  official: OFFICIAL,
} as const satisfies Partial<Verdict>;

const NO_RESULTS = {
  outcome: 'unresolved',
  reason: 'markers_missing',
  phase: 'grade',
  official: { ...OFFICIAL, infraFailure: true, infraFailureReason: 'out_of_memory' },
} as const satisfies Partial<Verdict>;

/** Results of a run of `acme/solver` on Verified. */
export function runResults(
  instances: readonly RunInstance[],
  verdicts: readonly Verdict[],
  settings: Partial<RunResults['manifest']['settings']> = {},
): RunResults {
  return {
    manifest: {
      schemaVersion: 1,
      runId: 'run-1',
      assayVersion: '0.1.0',
      createdAt: '2026-11-22T10:00:00.000Z',
      settings: {
        dataset: 'verified',
        datasetRevision: 'c104f84',
        datasetSha256: 'd5',
        options: {},
        predictions: 'preds.jsonl',
        predictionsSha256: 'e7',
        model: 'acme/solver',
        profile: 'v5',
        graderVersion: '1',
        engine: 'docker',
        epochs: 1,
        timeoutSeconds: 1800,
        ...settings,
      },
      machine: { cpus: 8 },
    },
    instances,
    verdicts,
  };
}

/** One of everything: an instance per fate, one of them without a prediction and one not judged yet. */
export const MIXED = runResults(
  [
    instance('django__django-1', { difficulty: '<15 min fix' }),
    instance('django__django-2', { difficulty: '1-4 hours' }),
    instance('django__django-3', { difficulty: '<15 min fix' }),
    instance('sympy__sympy-1', { difficulty: '<15 min fix' }),
    instance('sympy__sympy-2', { difficulty: '1-4 hours' }),
    instance('sympy__sympy-3', { difficulty: '1-4 hours' }),
    instance('sympy__sympy-4', { difficulty: '1-4 hours' }),
    instance('sympy__sympy-5', { difficulty: '1-4 hours', attempts: 0 }),
    instance('flask__flask-1', { difficulty: '<15 min fix' }),
  ],
  [
    verdict('django__django-1'),
    verdict('django__django-2', { outcome: 'unresolved', detail: 'FAIL_TO_PASS: 1 of 1 failed' }),
    verdict('django__django-3', EMPTY_PATCH),
    verdict('sympy__sympy-1', APPLY_FAILED),
    verdict('sympy__sympy-2', TIMEOUT),
    verdict('sympy__sympy-3', PULL_LIMITED),
    verdict('sympy__sympy-4', NO_RESULTS),
  ],
);
