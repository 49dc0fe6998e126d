import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextRun, parseCron } from '../src/index.js';

const next = (expression, after) => {
  const run = nextRun(expression, Date.parse(after));
  return run === null ? null : new Date(run).toISOString().slice(0, 16);
};

describe('parseCron', () => {
  it('reads lists, ranges and steps', () => {
    assert.deepEqual([...parseCron('0,30 9-11 * * *').minutes], [0, 30]);
    assert.deepEqual([...parseCron('0 9-11 * * *').hours], [9, 10, 11]);
    assert.deepEqual([...parseCron('*/20 * * * *').minutes], [0, 20, 40]);
    assert.deepEqual([...parseCron('10-30/10 * * * *').minutes], [10, 20, 30]);
  });

  it('refuses values out of range and missing fields', () => {
    assert.throws(() => parseCron('60 * * * *'), /minute must be 0 to 59/);
    assert.throws(() => parseCron('* * * *'), /five fields/);
    assert.throws(() => parseCron('x * * * *'), RangeError);
  });
});

describe('nextRun', () => {
  it('is strictly later', () => {
    assert.equal(next('30 12 * * *', '2026-05-01T12:30:00Z'), '2026-05-02T12:30');
    assert.equal(next('30 12 * * *', '2026-05-01T12:29:59Z'), '2026-05-01T12:30');
  });

  it('goes on to the next hour, day and month', () => {
    assert.equal(next('*/15 9-17 * * *', '2026-05-01T17:50:00Z'), '2026-05-02T09:00');
    assert.equal(next('0 0 1 * *', '2026-12-15T00:00:00Z'), '2027-01-01T00:00');
  });

  it('knows weekdays', () => {
    assert.equal(next('0 8 * * 1-5', '2026-05-01T09:00:00Z'), '2026-05-04T08:00');
  });

  it('waits for a leap day', () => {
    assert.equal(next('0 0 29 2 *', '2026-01-01T00:00:00Z'), '2028-02-29T00:00');
  });

  it('gives up on a day that never comes', () => {
    assert.equal(next('0 0 31 2 *', '2026-01-01T00:00:00Z'), null);
  });
});
