import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mapLimit, TaskQueue } from '../src/index.js';
import { deferred, soon } from './helpers.js';

describe('TaskQueue', () => {
  it('gives the results of its tasks', async () => {
    const queue = new TaskQueue();
    assert.deepEqual(await soon(Promise.all([queue.add(() => 1), queue.add(async () => 2)])), [1, 2]);
  });

  it('runs no more than its limit at a time', async () => {
    const queue = new TaskQueue({ concurrency: 2 });
    const gates = [deferred(), deferred(), deferred()];
    const done = gates.map((gate) => queue.add(() => gate.promise));
    assert.deepEqual([queue.running, queue.waiting], [2, 1]);
    gates[0].resolve();
    await soon(done[0]);
    assert.deepEqual([queue.running, queue.waiting], [2, 0]);
    for (const gate of gates) gate.resolve();
    await soon(Promise.all(done));
    assert.equal(queue.running, 0);
  });

  it('passes failures on', async () => {
    const queue = new TaskQueue();
    await assert.rejects(soon(queue.add(() => Promise.reject(new Error('broken')))), /broken/);
  });

  it('refuses a limit below one', () => {
    assert.throws(() => new TaskQueue({ concurrency: 0 }), RangeError);
  });
});

describe('mapLimit', () => {
  it('maps all items', async () => {
    assert.deepEqual(await soon(mapLimit([1, 2, 3], 1, async (n, i) => n * 10 + i)), [10, 21, 32]);
    assert.deepEqual(await soon(mapLimit([], 4, async (n) => n)), []);
  });

  it('keeps to its limit', async () => {
    let running = 0;
    let most = 0;
    await soon(
      mapLimit([1, 2, 3, 4, 5], 2, async () => {
        running += 1;
        most = Math.max(most, running);
        await null;
        running -= 1;
      }),
    );
    assert.equal(most, 2);
  });

  it('fails with the first failure', async () => {
    await assert.rejects(soon(mapLimit([1, 2], 2, async (n) => Promise.reject(new Error(`no ${n}`)))), /no 1/);
  });
});
