import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findGap, mergeIntervals, subtractIntervals, totalLength } from '../src/index.js';

const span = (start, end) => ({ start, end });

describe('mergeIntervals', () => {
  it('joins overlapping and touching intervals', () => {
    assert.deepEqual(mergeIntervals([span(5, 8), span(1, 3), span(3, 6)]), [span(1, 8)]);
  });

  it('keeps separate ones in order', () => {
    assert.deepEqual(mergeIntervals([span(5, 6), span(1, 2)]), [span(1, 2), span(5, 6)]);
  });

  it('drops empty ones and refuses reversed ones', () => {
    assert.deepEqual(mergeIntervals([span(2, 2)]), []);
    assert.throws(() => mergeIntervals([span(3, 2)]), /ends before it starts/);
  });

  it('leaves its argument alone', () => {
    const input = [span(3, 6), span(1, 4)];
    mergeIntervals(input);
    assert.deepEqual(input, [span(3, 6), span(1, 4)]);
  });
});

describe('subtractIntervals', () => {
  it('cuts holes', () => {
    assert.deepEqual(subtractIntervals([span(0, 10)], [span(2, 3), span(5, 6)]), [span(0, 2), span(3, 5), span(6, 10)]);
  });

  it('cuts at the ends', () => {
    assert.deepEqual(subtractIntervals([span(0, 10)], [span(-5, 1), span(9, 20)]), [span(1, 9)]);
    assert.deepEqual(subtractIntervals([span(0, 10)], [span(0, 10)]), []);
  });
});

describe('totalLength', () => {
  it('counts overlaps once', () => {
    assert.equal(totalLength([span(0, 4), span(2, 6), span(10, 11)]), 7);
  });
});

describe('findGap', () => {
  it('finds the first stretch that is long enough', () => {
    assert.deepEqual(findGap([span(1, 4), span(9, 12)], span(0, 20), 3), span(4, 7));
  });

  it('finds nothing in a full window', () => {
    assert.equal(findGap([span(0, 10)], span(0, 10), 1), null);
  });
});
