import { describe, expect, test } from '@jest/globals';
import type { Engine } from '../../../src/engine/engine.js';
import { AssayError } from '../../../src/errors.js';
import { dockerArchive } from '../../fixtures/engine/docker-archive.js';
import type { Fault } from '../../fixtures/engine/faults.js';
import { errorOf, eventually, run, SPEC, withFake } from './scenario.js';

const never = new AbortController().signal;
const REF = 'registry.example/team/app:1';
const gone: readonly (readonly [string, Fault])[] = [
  ['before it answers', { kind: 'close', effect: false }],
  ['in its answer', { kind: 'body', body: '{"status":"1 of 2"}\n', effect: false, end: 'cut' }],
  ['in a line of its answer', { kind: 'body', body: '{"status":"1 o', effect: false, end: 'cut' }],
];
const load = async (engine: Engine) =>
  engine.images.load(await dockerArchive({ ref: REF, layers: [{ file: 'x'.repeat(1e6) }] }), {
    signal: never,
  });

describe('an engine that is restarted', () => {
  test.each(gone)('during a load, %s: engine_failed, no image, and the next load works', async (_, fault) => {
    await withFake({ faults: { load: fault }, faultCount: 1 }, async (engine, fake) => {
      expect(await errorOf(load(engine))).toMatchObject({ code: 'engine_failed', retryable: true });
      expect(await engine.images.inspect(REF, never)).toBeUndefined();
      await load(engine);
      expect(await engine.images.inspect(REF, never)).toMatchObject({ ref: REF });
      await eventually(() => fake.connections() === 0);
      expect(fake.connections()).toBe(0);
    });
  });

  test.each(gone)('during a pull, %s: engine_failed, no image, and the next pull works', async (_, fault) => {
    await withFake({ faults: { pull: fault }, faultCount: 1, registry: [REF] }, async (engine) => {
      const pull = () => engine.images.pull(REF, { signal: never });
      expect(await errorOf(pull())).toMatchObject({ code: 'engine_failed', retryable: true });
      expect(await engine.images.inspect(REF, never)).toBeUndefined();
      expect(await pull()).toMatchObject({ ref: REF });
    });
  });

  test.each(gone)('during an exec, %s: engine_failed, and the container can be removed', async (_, fault) => {
    await withFake({ faults: { execStart: fault }, faultCount: 1 }, async (engine, fake) => {
      const container = await engine.containers.start(SPEC, never);
      expect(await errorOf(run(container, ['x'], never))).toMatchObject({ code: 'engine_failed' });
      await container.destroy();
      expect(fake.containers()).toEqual([]);
    });
  });

  test('and is not back yet is engine_unavailable', async () => {
    await withFake({}, async (engine, fake) => {
      await engine.images.inspect(REF, never);
      const container = await engine.containers.start(SPEC, never);
      await fake.close();
      const calls = [
        () => load(engine),
        () => engine.images.pull(REF, { signal: never }),
        () => run(container, ['x'], never),
        () => container.read('/x', never),
      ];
      for (const call of calls) expect(await errorOf(call())).toMatchObject({ code: 'engine_unavailable' });
    });
  });

  test('while an archive is read from a container is an error of the stream', async () => {
    const half: Fault = { kind: 'body', body: 'x'.repeat(1000), end: 'cut' };
    await withFake({ faults: { read: half } }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      await container.put([{ path: '/file', content: 'text' }], never);
      const reading = (await container.read('/file', never)).toArray();
      expect(await errorOf(reading)).toMatchObject({ code: 'engine_failed' });
    });
  });
});

describe('an archive from an engine', () => {
  test.each([
    ['that stops without its end', 'read', { kind: 'body', body: Array(3).fill(Buffer.alloc(700, 1)) }],
    ['that is empty', 'read', { kind: 'empty' }],
    ['of images that stops without its end', 'save', { kind: 'body', body: 'x'.repeat(5000) }],
  ] as const)('%s is an error of the stream', async (_, endpoint, fault) => {
    await withFake({ faults: { [endpoint]: fault } }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      const stream = await (endpoint === 'read'
        ? container.read('/file', never)
        : engine.images.save([SPEC.image], never));
      expect(await errorOf(stream.toArray())).toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('ended too early'),
      });
    });
  });

  test.each(['read', 'save'] as const)('%s: an abort ends the stream with its reason', async (endpoint) => {
    const half: Fault = { kind: 'body', body: 'x'.repeat(1000), end: 'open' };
    await withFake({ faults: { [endpoint]: half } }, async (engine, fake) => {
      const container = await engine.containers.start(SPEC, never);
      const controller = new AbortController();
      const stream = await (endpoint === 'read'
        ? container.read('/file', controller.signal)
        : engine.images.save([SPEC.image], controller.signal));
      const reading = errorOf(stream.toArray());
      const reason = new AssayError('phase_timeout', 'took too long');
      controller.abort(reason);
      expect(await reading).toBe(reason);
      await engine.close();
      await eventually(() => fake.connections() === 0);
      expect(fake.connections()).toBe(0);
    });
  });

  test('that nobody reads any more frees its connection', async () => {
    await withFake({}, async (engine, fake) => {
      const stream = await engine.images.save([SPEC.image], never);
      stream.destroy();
      await engine.close();
      await eventually(() => fake.connections() === 0);
      expect(fake.connections()).toBe(0);
    });
  });
});
