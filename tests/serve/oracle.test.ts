import { describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import { memoryStore, settle, taskFor, testVerdict, world } from './fakes.js';

const infra = testVerdict({ outcome: 'infra_error', reason: 'engine_failed', phase: 'start' });

describe('an oracle', () => {
  test('grades a patch once, however often and when it is asked for', async () => {
    const { oracle, held, events } = world();
    const early = Array.from({ length: 500 }, () => oracle.take(taskFor('x')));
    await settle();
    await held.end('x');
    const answers = await Promise.all(early.map(async (standing) => (await standing).answer));
    for (let count = 0; count < 500; count++) answers.push(await (await oracle.take(taskFor('x'))).answer);
    expect(held.graded).toEqual(['x']);
    expect(new Set(answers.map(({ verdict }) => verdict)).size).toBe(1);
    expect(answers.map(({ cached }) => cached)).toEqual([
      ...Array(500).fill(false),
      ...Array(500).fill(true),
    ]);
    expect(events.filter(({ type }) => type === 'end')).toHaveLength(1);
  });

  test('tells patches, instances, profiles and strictness apart, and null from an empty text', () => {
    const keys = [taskFor('x'), taskFor('y'), taskFor('x', 'b'), taskFor(''), taskFor(null)].map(
      ({ key }) => key,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('runs as many at once as it has workers, in order, and refuses what is too much', async () => {
    const { oracle, held } = world();
    const taken = [];
    for (const patch of ['1', '2', '3', '4', '5']) taken.push(await oracle.take(taskFor(patch)));
    expect(held.graded).toEqual(['1', '2']);
    expect(oracle.counts()).toMatchObject({ queued: 3, running: 2 });
    await expect(oracle.take(taskFor('6'))).rejects.toMatchObject({ code: 'queue_full', retryable: true });
    await held.end('2');
    await settle();
    expect(held.graded).toEqual(['1', '2', '3']);
    expect((await oracle.look(taskFor('3').key))?.status).toBe('running');
    expect((await oracle.look(taskFor('4').key))?.status).toBe('queued');
  });

  test('has no answer of a machine that failed: the next request is a new grading', async () => {
    const { oracle, held, memory } = world();
    const { answer } = await oracle.take(taskFor('x'));
    await held.end('x', infra);
    expect(await answer).toMatchObject({
      failure: { code: 'engine_failed', retryable: true },
      cached: false,
    });
    expect(memory.pending.size).toBe(0);
    // Whoever looks for the job's end finds it.
    expect(await (await oracle.look(taskFor('x').key))?.answer).toMatchObject({
      failure: { code: 'engine_failed' },
    });
    const again = await oracle.take(taskFor('x'));
    await held.end('x');
    expect(await again.answer).toMatchObject({ failure: null });
    expect(held.graded).toEqual(['x', 'x']);
  });

  test('a grader without a verdict is unscorable, with what went wrong', async () => {
    const { oracle, held } = world();
    const { answer } = await oracle.take(taskFor('x'));
    await held.end('x', new AssayError('disk_full', 'no space for the log'));
    expect(await answer).toMatchObject({ verdict: null, failure: { code: 'disk_full', retryable: false } });
  });

  test('a task that cannot be kept is not begun', async () => {
    const memory = memoryStore(() => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    });
    const { oracle, held } = world({}, memory);
    expect(await (await oracle.take(taskFor('x'))).answer).toMatchObject({ failure: { code: 'disk_full' } });
    expect(held.graded).toEqual([]);
  });

  test('takes a verdict from the disk, and keeps no more in memory than it may', async () => {
    const { oracle, events, memory, held } = world({ cacheBytes: 0 });
    memory.verdicts.set(taskFor('x').key, testVerdict());
    expect(await (await oracle.take(taskFor('x'))).answer).toMatchObject({ cached: true });
    expect(await (await oracle.take(taskFor('x'))).answer).toMatchObject({ cached: true });
    expect(events).toEqual([
      { type: 'hit', from: 'disk' },
      { type: 'hit', from: 'disk' },
    ]);
    expect(held.graded).toEqual([]);
  });

  test.each([
    ['memory', 1e6],
    ['the disk', 0],
  ])('a verdict in %s of another image is no answer', async (_, cacheBytes) => {
    let digest: string | undefined = 'sha256:1';
    const memory = memoryStore();
    const before = world({ cacheBytes, digestOf: async () => digest }, memory);
    memory.verdicts.set(taskFor('x').key, testVerdict());
    expect(await (await before.oracle.take(taskFor('x'))).answer).toMatchObject({ cached: true });
    digest = 'sha256:2';
    const { oracle, held } = world({ cacheBytes, digestOf: async () => digest }, memory);
    const { answer } = await oracle.take(taskFor('x'));
    await held.end('x', testVerdict({ imageDigest: 'sha256:2' }));
    expect(await answer).toMatchObject({ cached: false, verdict: { imageDigest: 'sha256:2' } });
  });

  test('a verdict is an answer where the image is not here to compare', async () => {
    const memory = memoryStore();
    memory.verdicts.set(taskFor('x').key, testVerdict());
    const { oracle } = world({ digestOf: async () => undefined }, memory);
    expect(await (await oracle.take(taskFor('x'))).answer).toMatchObject({ cached: true });
  });

  test('that drains lets running gradings end, and leaves the others to the next start', async () => {
    const memory = memoryStore();
    const { oracle, held } = world({ workers: 1 }, memory);
    const first = await oracle.take(taskFor('1'));
    const second = await oracle.take(taskFor('2'));
    const drained = oracle.drain();
    expect(await second.answer).toMatchObject({ failure: { code: 'draining', retryable: true } });
    await expect(oracle.take(taskFor('3'))).rejects.toMatchObject({ code: 'draining' });
    await held.end('1');
    expect(await first.answer).toMatchObject({ failure: null });
    await drained;
    expect([...memory.pending.values()].map(({ patch }) => patch)).toEqual(['2']);
  });

  test('that is killed leaves running gradings, too', async () => {
    const { oracle, memory } = world({ workers: 1 });
    const { answer } = await oracle.take(taskFor('1'));
    await settle();
    oracle.kill();
    expect(await answer).toMatchObject({ verdict: null, failure: { code: 'draining', retryable: true } });
    await oracle.drain();
    expect(memory.pending.size).toBe(1);
  });
});
