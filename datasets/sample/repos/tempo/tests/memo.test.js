import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LruCache, memoize, memoizeAsync } from '../src/index.js';

describe('memoize', () => {
  it('computes once per argument', () => {
    let calls = 0;
    const square = memoize((n) => {
      calls += 1;
      return n * n;
    });
    assert.deepEqual([square(3), square(3), square(4)], [9, 9, 16]);
    assert.equal(calls, 2);
  });

  it('remembers undefined', () => {
    let calls = 0;
    const nothing = memoize(() => {
      calls += 1;
    });
    nothing();
    nothing();
    assert.equal(calls, 1);
  });

  it('takes a key and a cache', () => {
    const cache = new LruCache({ max: 1 });
    const name = memoize((user) => user.name, { key: ([user]) => user.id, cache });
    assert.equal(name({ id: 7, name: 'Ada' }), 'Ada');
    assert.equal(name({ id: 7, name: 'Bob' }), 'Ada');
    assert.deepEqual(cache.keys(), [7]);
  });
});

describe('memoizeAsync', () => {
  it('loads once when calls follow each other', async () => {
    let loads = 0;
    const load = memoizeAsync(async (id) => {
      loads += 1;
      return `item ${id}`;
    });
    assert.equal(await load(1), 'item 1');
    assert.equal(await load(1), 'item 1');
    assert.equal(loads, 1);
  });

  it('tries again after a failure', async () => {
    let loads = 0;
    const load = memoizeAsync(async () => {
      loads += 1;
      if (loads === 1) throw new Error('down');
      return 'up';
    });
    await assert.rejects(load(), /down/);
    assert.equal(await load(), 'up');
  });
});
