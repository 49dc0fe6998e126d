import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenBucket } from '../src/index.js';
import { fakeClock } from './helpers.js';

describe('TokenBucket', () => {
  it('starts full and runs dry', () => {
    const bucket = new TokenBucket({ capacity: 2, perSecond: 1, now: fakeClock().now });
    assert.deepEqual([bucket.tryTake(), bucket.tryTake(), bucket.tryTake()], [true, true, false]);
  });

  it('fills up again, up to its capacity', () => {
    const clock = fakeClock();
    const bucket = new TokenBucket({ capacity: 5, perSecond: 2, now: clock.now });
    bucket.tryTake(5);
    clock.time = 1000;
    assert.equal(bucket.tokens, 2);
    clock.time = 60_000;
    assert.equal(bucket.tokens, 5);
  });

  it('tells how long to wait', () => {
    const clock = fakeClock();
    const bucket = new TokenBucket({ capacity: 4, perSecond: 2, now: clock.now });
    bucket.tryTake(4);
    assert.equal(bucket.waitTime(3), 1500);
    assert.throws(() => bucket.waitTime(5), RangeError);
  });
});
