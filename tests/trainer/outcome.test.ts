import { expect, it } from '@jest/globals';
import { outcomeOf } from '../../plugins/trainer/outcome.js';
import type { EpisodeEnd, Outcome } from '../../src/index.js';

const strict = (resolved: boolean) => ({ resolved, reason: 'r', guarded: [], reaches: [] });

it.each<
  [
    EpisodeEnd,
    string | null,
    { outcome: Outcome; strict?: ReturnType<typeof strict> } | undefined,
    0 | 1 | null,
  ]
>([
  ['submitted', 'diff', { outcome: 'resolved', strict: strict(true) }, 1],
  ['turn_limit', 'diff', { outcome: 'resolved', strict: strict(true) }, 1],
  ['submitted', 'diff', { outcome: 'resolved', strict: strict(false) }, 0],
  ['submitted', 'diff', { outcome: 'resolved' }, null],
  ['submitted', 'diff', { outcome: 'unresolved' }, 0],
  ['submitted', '', { outcome: 'invalid' }, 0],
  ['submitted', 'diff', { outcome: 'infra_error' }, null],
  ['submitted', 'diff', undefined, null],
  ['sandbox_broken', null, undefined, 0],
  ['context_limit', null, undefined, 0],
  ['policy_error', null, undefined, null],
  ['sandbox_error', null, undefined, null],
  ['stopped_early', 'diff', { outcome: 'unresolved' }, null],
])(
  'an episode that ended by %s with patch %p and verdict %p has the outcome %p',
  (end, patch, verdict, expected) => {
    expect(outcomeOf({ end, patch }, verdict)).toBe(expected);
  },
);

it('by the official verdict the strict one does not count', () => {
  const verdict = { outcome: 'resolved' as const, strict: strict(false) };
  expect(outcomeOf({ end: 'submitted', patch: 'diff' }, verdict, 'official')).toBe(1);
});
