import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LruCache } from '../src/index.js';
import { fakeClock } from './helpers.js';

describe('LruCache', () => {
  it('drops the entry that was used longest ago', () => {
    const cache = new LruCache({ max: 2 }).set('a', 1).set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    assert.deepEqual(cache.keys(), ['a', 'c']);
  });

  it('counts setting as use', () => {
    const cache = new LruCache({ max: 2 }).set('a', 1).set('b', 2).set('a', 3).set('c', 4);
    assert.deepEqual(cache.keys(), ['a', 'c']);
    assert.equal(cache.get('a'), 3);
  });

  it('forgets entries after their time', () => {
    const clock = fakeClock();
    const cache = new LruCache({ max: 2, ttl: 100, now: clock.now }).set('a', 1);
    clock.time = 99;
    assert.equal(cache.get('a'), 1);
    clock.time = 100;
    assert.equal(cache.has('a'), false);
    assert.equal(cache.size, 0);
  });

  it('deletes', () => {
    const cache = new LruCache({ max: 1 }).set('a', 1);
    assert.equal(cache.delete('a'), true);
    assert.equal(cache.get('a'), undefined);
  });

  it('refuses a size below one', () => {
    assert.throws(() => new LruCache({ max: 0 }), RangeError);
  });
});
