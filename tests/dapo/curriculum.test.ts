import { expect, it } from '@jest/globals';
import { curriculum, type PastAttempt } from '../../plugins/dapo/curriculum.js';

const attempts = (instanceId: string, ...outcomes: (number | null)[]): PastAttempt[] =>
  outcomes.map((outcome) => ({ instanceId, outcome }));

it('stage 2 leaves out what is solved at 2/3 and what never was; unscorable attempts do not count', () => {
  const history = [
    ...attempts('two-thirds', 1, 1, 0),
    ...attempts('over', 1, 1, 1, 1),
    ...attempts('below', 1, 1, 0, 0),
    ...attempts('seldom', 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    ...attempts('never', 0, 0, 0),
    ...attempts('broken', null, null),
    ...attempts('half-broken', 1, null, null, 0),
    ...attempts('solved-else', null, 1),
    ...attempts('elsewhere', 1, 0),
  ];
  const pool = [
    'two-thirds',
    'over',
    'below',
    'seldom',
    'never',
    'broken',
    'half-broken',
    'solved-else',
    'new',
  ];
  expect(curriculum(pool, history, 2 / 3)).toEqual({
    kept: ['below', 'seldom', 'broken', 'half-broken', 'new'],
    solved: ['two-thirds', 'over', 'solved-else'],
    never: ['never'],
    untried: ['broken', 'new'],
  });
});

it('20 solved of 30 are two thirds', () => {
  const history = attempts('a', ...Array.from({ length: 30 }, (_, index) => (index < 20 ? 1 : 0)));
  expect(curriculum(['a'], history, 2 / 3).solved).toEqual(['a']);
});
