import { describe, expect, test } from '@jest/globals';
import {
  choose,
  isNarrowed,
  neighbours,
  parseSelection,
  rateOf,
  select,
  selectionQuery,
} from '../../../reports/html/app/selection.js';
import type { AttemptRow } from '../../../reports/html/model.js';

const row = (instanceId: string, fields: Partial<AttemptRow> = {}): AttemptRow => ({
  instanceId,
  repo: instanceId.replace(/-\d+$/, '').replace('__', '/'),
  attempt: 1,
  outcome: 'resolved',
  reason: 'tests_passed',
  logs: [],
  ...fields,
});

const ROWS = [
  row('django__django-2', { difficulty: '1-4 hours', testSeconds: 5 }),
  row('django__django-10', { outcome: 'unresolved', reason: 'tests_failed', testSeconds: 40 }),
  row('sympy__sympy-1', { outcome: 'unresolved', reason: 'test_timeout', difficulty: '1-4 hours' }),
  row('sympy__sympy-3', { strict: { resolved: false, reason: 'tampered' }, testSeconds: 1 }),
  row('flask__flask-1', { attempt: 0, outcome: 'no_prediction', reason: undefined }),
];
const at = (query: string) => parseSelection(new URLSearchParams(query));
const ids = (query: string) => select(ROWS, at(query)).rows.map(({ instanceId }) => instanceId);

describe('which rows the table shows', () => {
  test('all of them in run order, without an address that says otherwise', () => {
    expect(ids('')).toEqual(ROWS.map(({ instanceId }) => instanceId));
  });

  test('those with one of the chosen outcomes', () => {
    expect(ids('outcome=unresolved&outcome=no_prediction')).toEqual([
      'django__django-10',
      'sympy__sympy-1',
      'flask__flask-1',
    ]);
  });

  test('those that every facet lets through', () => {
    expect(ids('outcome=unresolved&repo=django/django')).toEqual(['django__django-10']);
  });

  test('those that contain every word, in whatever case, in instance, repository or reason', () => {
    expect(ids('q=DJANGO')).toEqual(['django__django-2', 'django__django-10']);
    expect(ids('q=sympy timeout')).toEqual(['sympy__sympy-1']);
  });

  test('attempts that the two verdicts see differently', () => {
    expect(ids('strict=differs')).toEqual(['sympy__sympy-3']);
  });

  test('instances without a difficulty, by the name that the summary gives them', () => {
    expect(ids('difficulty=not given')).toHaveLength(3);
  });

  test('none for a value that no row has', () => {
    expect(ids('repo=nobody/nothing')).toEqual([]);
  });
});

describe('what a facet offers', () => {
  const offered = (query: string, facet: 'outcome' | 'repo' | 'reason') =>
    Object.fromEntries(select(ROWS, at(query)).choices[facet].map(({ value, rows }) => [value, rows]));

  test('each value with the rows that it would show beside the other facets', () => {
    expect(offered('outcome=unresolved', 'repo')).toEqual({
      'django/django': 1,
      'flask/flask': 0,
      'sympy/sympy': 1,
    });
  });

  test('its own choice takes nothing from its other values', () => {
    expect(offered('outcome=unresolved', 'outcome')).toEqual({
      resolved: 2,
      unresolved: 2,
      no_prediction: 1,
    });
  });

  test('the text takes from all of them', () => {
    expect(offered('q=django', 'outcome')).toEqual({ resolved: 1, unresolved: 1, no_prediction: 0 });
  });

  test('no value for rows that have none', () => {
    expect(Object.keys(offered('', 'reason'))).toEqual(['test_timeout', 'tests_failed', 'tests_passed']);
  });

  test('names of strangers that are names of JavaScript too', () => {
    const rows = [row('a__a-1', { repo: '__proto__' }), row('a__a-2', { repo: 'constructor' })];
    expect(select(rows, at('repo=__proto__')).rows).toHaveLength(1);
    expect(select(rows, at('')).choices.repo.map(({ value }) => value)).toEqual(['__proto__', 'constructor']);
  });
});

describe('the order of rows', () => {
  test('numbers in names count as numbers', () => {
    expect(ids('q=django&sort=instance')).toEqual(['django__django-2', 'django__django-10']);
    expect(ids('q=django&sort=-instance')).toEqual(['django__django-10', 'django__django-2']);
  });

  test('rows without the value come last in both directions', () => {
    expect(ids('sort=tests').slice(0, 3)).toEqual([
      'sympy__sympy-3',
      'django__django-2',
      'django__django-10',
    ]);
    expect(ids('sort=-tests').slice(0, 3)).toEqual([
      'django__django-10',
      'django__django-2',
      'sympy__sympy-3',
    ]);
  });

  test('outcomes stand in the order of their list, not of the alphabet', () => {
    expect(select(ROWS, at('sort=outcome')).rows.map(({ outcome }) => outcome)).toEqual([
      'resolved',
      'resolved',
      'unresolved',
      'unresolved',
      'no_prediction',
    ]);
  });
});

describe('the address of a selection', () => {
  const full = 'q=a+b&outcome=resolved&outcome=invalid&repo=x%2Fy&sort=-tests&page=3';

  test('reads back as it was written', () => {
    expect(selectionQuery(at(full)).toString()).toBe(full);
  });

  test('says nothing of a selection of all', () => {
    expect(selectionQuery(at('')).toString()).toBe('');
    expect(isNarrowed(at('sort=tests'))).toBe(false);
    expect(isNarrowed(at('repo=x'))).toBe(true);
  });

  test('leaves out what it does not know', () => {
    expect(selectionQuery(at('sort=__proto__&page=-1&page=x&log=test&line=3')).toString()).toBe('');
  });

  test('a choice begins at the first page, and an empty one is none', () => {
    expect(choose(at('page=2'), 'repo', ['x']).page).toBe(1);
    expect(selectionQuery(choose(at('repo=x&outcome=invalid'), 'repo', [])).toString()).toBe(
      'outcome=invalid',
    );
  });
});

describe('Pass@1 of some rows', () => {
  test('is the mean over instances of the share of their attempts', () => {
    const rows = [
      row('a__a-1'),
      row('a__a-1', { attempt: 2, outcome: 'unresolved' }),
      row('a__a-2', { outcome: 'infra_error' }),
      row('a__a-3', { attempt: 0, outcome: 'no_prediction' }),
    ];
    expect(rateOf(rows)).toEqual({ score: 0.5, instances: 3 });
  });
});

describe('the neighbours of an attempt', () => {
  test('are those of the filtered and sorted table', () => {
    const { previous, next, position, total } = neighbours(ROWS, at('sort=tests'), {
      instanceId: 'django__django-2',
      attempt: 1,
    });
    expect([previous?.instanceId, next?.instanceId]).toEqual(['sympy__sympy-3', 'django__django-10']);
    expect([position, total]).toEqual([2, 5]);
  });

  test('are missing at the ends', () => {
    expect(neighbours(ROWS, at(''), { instanceId: 'django__django-2', attempt: 1 }).previous).toBeUndefined();
    expect(neighbours(ROWS, at(''), { instanceId: 'flask__flask-1', attempt: 0 }).next).toBeUndefined();
  });

  test('are none of an attempt that the filters hide', () => {
    expect(neighbours(ROWS, at('repo=sympy/sympy'), { instanceId: 'django__django-2', attempt: 1 })).toEqual({
      position: 0,
      total: 2,
    });
  });
});
