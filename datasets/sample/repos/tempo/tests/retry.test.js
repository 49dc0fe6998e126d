import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retry, sleep } from '../src/index.js';
import { soon } from './helpers.js';

/** Timers that fire at once and note what they were asked for. */
function fakeTimers() {
  const pauses = [];
  return {
    pauses,
    setTimeout(callback, ms) {
      pauses.push(ms);
      queueMicrotask(callback);
      return pauses.length;
    },
    clearTimeout() {},
  };
}

describe('retry', () => {
  it('gives the first success', async () => {
    const timers = fakeTimers();
    const task = async (attempt) => {
      if (attempt < 3) throw new Error('not yet');
      return attempt;
    };
    assert.equal(await soon(retry(task, { timers })), 3);
    assert.deepEqual(timers.pauses, [100, 200]);
  });

  it('throws the last error', async () => {
    const task = async (attempt) => Promise.reject(new Error(`failure ${attempt}`));
    await assert.rejects(soon(retry(task, { attempts: 2, timers: fakeTimers() })), /failure 2/);
  });

  it('limits the pauses', async () => {
    const timers = fakeTimers();
    const task = async () => Promise.reject(new Error('no'));
    await assert.rejects(soon(retry(task, { attempts: 5, base: 10, max: 25, timers })));
    assert.deepEqual(timers.pauses, [10, 20, 25, 25]);
  });

  it('stops when told that it is no use', async () => {
    let calls = 0;
    const task = async () => {
      calls += 1;
      throw new Error('forbidden');
    };
    await assert.rejects(soon(retry(task, { shouldRetry: () => false, timers: fakeTimers() })), /forbidden/);
    assert.equal(calls, 1);
  });
});

describe('sleep', () => {
  it('resolves after a while', async () => {
    await soon(sleep(1));
  });
});
