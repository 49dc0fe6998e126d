import { describe, expect, test } from '@jest/globals';
import type { Verdict } from '../../src/index.js';
import { validity } from '../../src/stats/validity.js';
import { instance, PULL_LIMITED, verdict } from '../reports/run-results.js';

const one = instance('a__a-1');
const good = (fields: Partial<Verdict> = {}) => verdict('a__a-1', fields);
const bad = (fields: Partial<Verdict> = {}) => good({ outcome: 'unresolved', ...fields });

function judged(gold: readonly Verdict[], empty: readonly Verdict[], epochs = 2) {
  return validity({
    instance: one,
    gold,
    empty,
    epochs,
    profile: { profile: 'v5', graderVersion: '1' },
    machine: { cpus: 2 },
    now: '2026-12-01T00:00:00.000Z',
  });
}

const failing = (...names: string[]): Partial<Verdict> => ({
  tests: {
    FAIL_TO_PASS: { success: [], failure: names },
    PASS_TO_PASS: { success: [], failure: [] },
  },
});

describe('an instance', () => {
  test('is valid when the gold patch resolves it each time and the untouched tree never', () => {
    const later = '2026-11-22T13:00:00.000Z';
    expect(judged([good(), good({ finishedAt: later })], [bad(), bad()])).toEqual({
      instanceId: 'a__a-1',
      rowHash: 'row',
      imageDigest: 'sha256:a__a-1',
      profile: 'v5',
      graderVersion: '1',
      class: 'valid',
      tests: [],
      epochs: 2,
      resolved: { gold: 2, empty: 0 },
      date: later,
      machine: { cpus: 2 },
    });
  });

  test('whose gold patch resolves it sometimes is flaky, and names the tests', () => {
    expect(judged([good(), bad()], [bad(), bad()])).toMatchObject({
      class: 'flaky',
      reason: 'gold patch: resolved 1, unresolved (tests_failed) 1',
      tests: ['test_fix'],
      resolved: { gold: 1, empty: 0 },
    });
  });

  test('whose failing tests differ while the verdict stays is flaky, and names those that differ', () => {
    expect(
      judged([good(), good()], [bad(failing('always', 'x')), bad(failing('always', 'y'))]),
    ).toMatchObject({
      class: 'flaky',
      reason: 'untouched tree: other tests fail each time',
      tests: ['x', 'y'],
    });
  });

  test('that fails for another reason each time is flaky', () => {
    const timeout = bad({ reason: 'test_timeout' });
    expect(judged([good(), good()], [bad(), timeout])).toMatchObject({
      class: 'flaky',
      reason: 'untouched tree: unresolved (tests_failed) 1, unresolved (test_timeout) 1',
    });
  });

  test('whose gold patch never resolves it fails with the tests, or the reason', () => {
    expect(judged([bad(), bad()], [bad(), bad()])).toMatchObject({
      class: 'gold_fails',
      reason: 'tests_failed',
      tests: ['test_fix'],
    });
    const apply = good({ outcome: 'invalid', reason: 'apply_failed', detail: 'no such file\nmore' });
    expect(judged([apply, apply], [bad(), bad()])).toMatchObject({
      class: 'gold_fails',
      reason: 'apply_failed: no such file',
      tests: [],
    });
  });

  test('that the untouched tree resolves is told so', () => {
    expect(judged([good(), good()], [good(), good()])).toMatchObject({ class: 'empty_resolves' });
  });

  test('that the machine failed once is not judged, whatever the other evaluations say', () => {
    expect(judged([bad(), bad()], [bad(), bad(PULL_LIMITED)])).toMatchObject({
      class: 'infra',
      reason: 'image_pull_limited: 429 Too Many Requests',
      tests: [],
    });
    expect(judged([good()], [bad(), bad()])).toMatchObject({
      class: 'infra',
      reason: '1 evaluations are missing',
    });
    expect(judged([], [])).toMatchObject({ class: 'infra', date: '2026-12-01T00:00:00.000Z' });
  });

  test('whose image changed on the way is not judged', () => {
    const other = { imageDigest: 'sha256:other' };
    expect(judged([good(), good(other)], [bad(), bad()])).toMatchObject({ class: 'infra' });
  });
});
