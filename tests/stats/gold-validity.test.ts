import { describe, expect, test } from '@jest/globals';
import type { ValidationEntry } from '../../src/index.js';
import { summarise } from '../../src/stats/summary.js';
import { EMPTY_PATCH, instance, runResults, verdict } from '../reports/run-results.js';

/** An entry for what `verdict(instanceId)` was judged in. */
function entry(instanceId: string, fields: Partial<ValidationEntry> = {}): ValidationEntry {
  return {
    instanceId,
    rowHash: 'row',
    imageDigest: `sha256:${instanceId}`,
    profile: 'v5',
    graderVersion: '1',
    class: 'valid',
    tests: [],
    epochs: 3,
    resolved: { gold: 3, empty: 0 },
    date: '2026-11-20T10:00:00.000Z',
    machine: {},
    ...fields,
  };
}

const UNRESOLVED = { outcome: 'unresolved' } as const;
const RESULTS = runResults(
  [instance('a__a-1'), instance('a__a-2'), instance('a__a-3'), instance('a__a-4')],
  [verdict('a__a-1'), verdict('a__a-2', UNRESOLVED), verdict('a__a-3', UNRESOLVED), verdict('a__a-4')],
);
const validationOf = (known: readonly ValidationEntry[], results = RESULTS) =>
  summarise(results, known).validation;

describe('the rate over gold-valid instances', () => {
  test('stands beside the official one, and every instance is in one of three lists', () => {
    const flaky = entry('a__a-2', { class: 'flaky', epochs: 2, date: '2026-11-22T10:00:00.000Z' });
    const known = [entry('a__a-1'), flaky, entry('a__a-3')];
    const summary = summarise(RESULTS, known);
    expect(summary.passAt1).toMatchObject({ instances: 4, score: 2 });
    expect(summary.validation).toMatchObject({
      valid: ['a__a-1', 'a__a-3'],
      notValid: [flaky],
      notValidated: ['a__a-4'],
      epochs: 2,
      since: '2026-11-20T10:00:00.000Z',
      until: '2026-11-22T10:00:00.000Z',
      passAt1: { instances: 2, score: 1, rate: 0.5 },
    });
  });

  test.each([
    ['row', { rowHash: 'other' }],
    ['image', { imageDigest: 'sha256:other' }],
    ['profile', { profile: 'v4.1' as const }],
    ['grader version', { graderVersion: '2' }],
  ])('takes no account of an entry of another %s', (_what, fields) => {
    expect(validationOf([entry('a__a-1', fields)])).toBeNull();
  });

  test('keeps instances whose patch reached no image: the newest entry of the row holds', () => {
    const { imageDigest: _digest, image: _image, ...unreached } = verdict('a__a-1', EMPTY_PATCH);
    const results = runResults([instance('a__a-1'), instance('a__a-2')], [unreached, verdict('a__a-2')]);
    const known = [
      entry('a__a-1', { date: '2026-11-21T10:00:00.000Z' }),
      entry('a__a-1', { imageDigest: 'sha256:older', class: 'flaky', date: '2026-11-19T10:00:00.000Z' }),
      entry('a__a-2'),
    ];
    expect(validationOf(known, results)).toMatchObject({
      valid: ['a__a-1', 'a__a-2'],
      passAt1: { instances: 2, score: 1 },
    });
  });

  test('says nothing of an instance that was judged in two images', () => {
    const results = runResults(
      [instance('a__a-1', { attempts: 2 }), instance('a__a-2')],
      [verdict('a__a-1'), verdict('a__a-1', { attempt: 2, imageDigest: 'sha256:other' }), verdict('a__a-2')],
    );
    expect(validationOf([entry('a__a-1'), entry('a__a-2')], results)).toMatchObject({
      valid: ['a__a-2'],
      notValidated: ['a__a-1'],
    });
  });
});

test('images with another Python than asked for are counted by instance; a patch version is no difference', () => {
  const python = (requested: string, has: string) => ({ imagePython: { requested, has } });
  const results = runResults(
    [instance('a__a-1', { attempts: 2 }), instance('a__a-2'), instance('a__a-3'), instance('a__a-4')],
    [
      verdict('a__a-1', python('3.6', '3.9.18')),
      verdict('a__a-1', { attempt: 2, ...python('3.6', '3.9.18') }),
      verdict('a__a-2', python('3.9', '3.9.18')),
      verdict('a__a-3', python('3.1', '3.11.2')),
      verdict('a__a-4'),
    ],
  );
  expect(summarise(results).otherPythons).toEqual([
    { requested: '3.6', has: '3.9.18', instanceIds: ['a__a-1'] },
    { requested: '3.1', has: '3.11.2', instanceIds: ['a__a-3'] },
  ]);
});
