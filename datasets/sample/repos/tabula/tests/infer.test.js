import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inferTable, inferValue, summarize } from '../src/index.js';

describe('inferValue', () => {
  it('reads numbers', () => {
    assert.equal(inferValue('12'), 12);
    assert.equal(inferValue(' -0.5 '), -0.5);
    assert.equal(inferValue('1e3'), 1000);
    assert.equal(inferValue('0'), 0);
  });

  it('reads booleans in any case', () => {
    assert.equal(inferValue('TRUE'), true);
    assert.equal(inferValue('no'), false);
  });

  it('reads ISO dates as UTC', () => {
    assert.equal(inferValue('2026-03-01').toISOString(), '2026-03-01T00:00:00.000Z');
    assert.equal(inferValue('2026-13-01'), '2026-13-01');
  });

  it('reads blank as null and leaves other text alone', () => {
    assert.equal(inferValue('  '), null);
    assert.equal(inferValue('12 apples'), '12 apples');
    assert.equal(inferValue('Infinity'), 'Infinity');
  });
});

describe('inferTable', () => {
  it('converts columns of one type', () => {
    assert.deepEqual(inferTable([{ n: '1', t: 'x' }, { n: '', t: 'y' }]), [
      { n: 1, t: 'x' },
      { n: null, t: 'y' },
    ]);
  });

  it('leaves a column of several types as text', () => {
    assert.deepEqual(inferTable([{ v: '1' }, { v: 'yes' }]), [{ v: '1' }, { v: 'yes' }]);
  });
});

describe('summarize', () => {
  it('describes the numbers of a column', () => {
    const records = [{ v: 10 }, { v: 2 }, { v: null }, { v: 9 }];
    assert.deepEqual(summarize(records, 'v'), { count: 3, min: 2, max: 10, mean: 7, median: 9 });
  });

  it('has nulls for a column without numbers', () => {
    assert.deepEqual(summarize([{ v: 'x' }], 'v'), { count: 0, min: null, max: null, mean: null, median: null });
  });
});
