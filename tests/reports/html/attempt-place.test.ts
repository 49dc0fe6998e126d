import { expect, test } from '@jest/globals';
import { parsePlace, placeHash } from '../../../reports/html/app/views/attempt-place.js';

const of = (query: string) => parsePlace(new URLSearchParams(query));

test('an address says which part of an attempt is meant, also by its line or turn alone', () => {
  expect(of('')).toEqual({ view: 'result' });
  expect(of('view=patch')).toEqual({ view: 'patch' });
  expect(of('line=12')).toEqual({ view: 'log', line: 12 });
  expect(of('turn=7')).toEqual({ view: 'episode', turn: 7 });
  expect(of('log=restored&find=a&test=b')).toEqual({ view: 'log', log: 'restored', find: 'a', test: 'b' });
});

test('what makes no sense in an address is left out', () => {
  expect(of('view=__proto__&log=x&line=-1&turn=1e99')).toEqual({ view: 'result' });
  expect(of('view=toString&line=NaN')).toEqual({ view: 'result' });
});

test('a place keeps the filters of the table, and says the same whatever was there before', () => {
  const before = new URLSearchParams('find=old&outcome=invalid&q=a+b');
  const hash = placeHash(['i', 'a/b', '1'], before, { view: 'log', log: 'test', line: 3, find: '' });
  expect(hash).toBe('#/i/a%2Fb/1?outcome=invalid&q=a+b&view=log&log=test&line=3');
  expect(placeHash(['i', 'a', '1'], new URLSearchParams('view=log&line=3'), { view: 'result' })).toBe(
    '#/i/a/1',
  );
});
