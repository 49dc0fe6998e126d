import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { splitRef } from '../../../src/engine/docker/transfer.js';
import type { Engine } from '../../../src/engine/engine.js';
import { AssayError } from '../../../src/errors.js';
import { dockerArchive } from '../../fixtures/engine/docker-archive.js';
import type { Fault } from '../../fixtures/engine/faults.js';
import { errorOf, eventually, SPEC, withFake } from './scenario.js';

const never = new AbortController().signal;
const REF = 'registry.example/team/app:1';
const inside = (error: string): Fault => ({
  kind: 'body',
  body: `${JSON.stringify({ status: 'Pulling' })}\n${JSON.stringify({ errorDetail: { message: error }, error })}\n`,
});

describe('images', () => {
  test('are described, or undefined when they are not there', async () => {
    await withFake({ images: ['a/b:1'] }, async (engine) => {
      expect(await engine.images.inspect('a/b:1', never)).toMatchObject({ ref: 'a/b:1', sizeBytes: 1000 });
      expect(await engine.images.inspect('a/b:2', never)).toBeUndefined();
    });
  });

  test('are pulled by name and tag, with progress', async () => {
    await withFake({ registry: [REF] }, async (engine) => {
      const lines: string[] = [];
      const pulled = await engine.images.pull(REF, { signal: never, onProgress: (line) => lines.push(line) });
      expect(pulled).toMatchObject({ ref: REF, digest: expect.stringMatching(/^sha256:/) });
      expect(lines).toEqual(['abc: Pull complete']);
    });
  });

  test('are loaded, listed by label and removed', async () => {
    await withFake({}, async (engine) => {
      const log: string[] = [];
      const labels = { 'assay.key': 'k' };
      const archive = await dockerArchive({ ref: 'made:1', layers: [{ file: 'content' }], labels });
      await engine.images.load(archive, { signal: never, onLog: (line) => log.push(line) });
      const made = await engine.images.inspect('made:1', never);
      expect(made?.labels).toEqual(labels);
      expect(log).toEqual(['Loaded image: made:1']);
      expect(await engine.images.list(labels)).toMatchObject([{ ref: 'made:1', id: made?.id, labels }]);
      await engine.images.remove('made:1');
      await engine.images.remove('made:1');
      expect(await engine.images.list(labels)).toEqual([]);
    });
  });

  test('are pushed with the login of their registry, an empty one too, and have a digest then', async () => {
    await withFake({ images: [REF] }, async (engine) => {
      const lines: string[] = [];
      const pushed = await engine.images.push(REF, { signal: never, onProgress: (line) => lines.push(line) });
      expect(pushed.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(lines).toEqual(['abc: Pushed']);
      expect(await errorOf(engine.images.push('not/here:1', { signal: never }))).toMatchObject({
        code: 'image_missing',
      });
    });
    const folder = await mkdtemp(join(tmpdir(), 'docker-config-'));
    const auth = Buffer.from('me:secret').toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { 'registry.example': { auth } } }));
    const push = (engine: Engine) => engine.images.push(REF, { signal: never });
    const behaviour = { images: [REF], login: 'me:secret' };
    await withFake(behaviour, async (engine) => void (await push(engine)), folder);
    await withFake(behaviour, async (engine) => {
      expect(await errorOf(push(engine))).toMatchObject({
        code: 'image_push_failed',
        message: expect.stringContaining('denied'),
      });
    });
    await rm(folder, { recursive: true });
  });

  test('with a digest in their name are checked for it', async () => {
    const ref = `registry.example/app@sha256:${'1'.repeat(64)}`;
    await withFake({ registry: [ref] }, async (engine) => {
      expect(await errorOf(engine.images.pull(ref, { signal: never }))).toMatchObject({
        code: 'image_pull_failed',
        message: expect.stringContaining('has the digest'),
      });
    });
    await withFake({ registry: [ref], digest: `sha256:${'1'.repeat(64)}` }, async (engine) => {
      expect(await engine.images.pull(ref, { signal: never })).toMatchObject({
        ref,
        digest: `sha256:${'1'.repeat(64)}`,
      });
    });
  });

  test('in use are told, and stay when they are removed', async () => {
    await withFake({ images: ['assay-base:latest', 'free:1'] }, async (engine) => {
      expect(await engine.images.inUse(never)).toEqual(new Set());
      const container = await engine.containers.start(SPEC, never);
      const image = await engine.images.inspect(SPEC.image, never);
      expect(await engine.images.inUse(never)).toEqual(new Set([image?.id]));
      expect(await engine.images.remove(SPEC.image)).toBe(false);
      expect(await engine.images.remove('free:1')).toBe(true);
      expect(await engine.images.inspect(SPEC.image, never)).toEqual(image);
      await container.destroy();
      expect(await engine.images.remove(SPEC.image)).toBe(true);
    });
  });

  test('split into name and tag or digest, `latest` by default', () => {
    expect(splitRef('ubuntu')).toEqual({ name: 'ubuntu', tag: 'latest' });
    expect(splitRef('host:5000/a/b')).toEqual({ name: 'host:5000/a/b', tag: 'latest' });
    expect(splitRef('host:5000/a/b:1')).toEqual({ name: 'host:5000/a/b', tag: '1' });
    expect(splitRef('a@sha256:00')).toEqual({ name: 'a', tag: 'sha256:00' });
  });

  test('with names that are none are image_missing, and no request is made of them', async () => {
    await withFake({}, async (engine, fake) => {
      for (const ref of ['', '../containers/x', 'a b', 'a?force=1', 'a\nb', '-x', 'a/../b']) {
        expect(await errorOf(engine.images.inspect(ref, never))).toMatchObject({ code: 'image_missing' });
      }
      expect(fake.calls()).toEqual([]);
    });
  });
});

describe('a pull that fails', () => {
  const status = (code: number, message: string): Fault => ({ kind: 'status', status: code, message });
  const cases: [string, Fault, string][] = [
    ['not found', status(404, `manifest for ${REF} not found: manifest unknown`), 'image_missing'],
    [
      'denied, as Docker Hub says for missing ones',
      status(404, 'pull access denied for app, repository does not exist or may require docker login'),
      'image_missing',
    ],
    ['limited by status', status(429, 'slow down'), 'image_pull_limited'],
    [
      'limited in a 500',
      status(500, 'toomanyrequests: You have reached your pull rate limit'),
      'image_pull_limited',
    ],
    [
      'limited inside a 200',
      inside('toomanyrequests: You have reached your pull rate limit'),
      'image_pull_limited',
    ],
    ['a full disk inside a 200', inside('write /layer: no space left on device'), 'disk_full'],
    ['any error inside a 200', inside('unexpected EOF'), 'image_pull_failed'],
    [
      'a registry that does not resolve',
      status(500, 'dial tcp: lookup registry.example: no such host'),
      'image_pull_failed',
    ],
    [
      'an end without a result',
      { kind: 'body', body: '{"status":"Pulling"}\n', effect: false },
      'image_pull_failed',
    ],
    [
      'a break in the middle',
      { kind: 'body', body: '{"status":"Pulling"}\n', effect: false, end: 'cut' },
      'engine_failed',
    ],
    ['HTML instead of lines', { kind: 'html', effect: false }, 'image_pull_failed'],
    ['nothing', { kind: 'empty', effect: false }, 'image_pull_failed'],
    ['half a line', { kind: 'body', body: '{"status":"Pul', effect: false }, 'image_pull_failed'],
    ['a closed connection', { kind: 'close' }, 'engine_failed'],
    ['a proxy page', { kind: 'html-status', status: 502 }, 'image_pull_failed'],
  ];
  test.each(cases)('%s', async (_name, fault, code) => {
    await withFake({ faults: { pull: fault }, registry: [REF] }, async (engine) => {
      const error = await errorOf(engine.images.pull(REF, { signal: never }));
      expect(error).toMatchObject({ code, message: expect.stringContaining(REF) });
    });
  });

  test.each(['hang', 'endless'] as const)(
    '%s: an abort ends it with its reason and closes the connection',
    async (kind) => {
      await withFake({ faults: { pull: { kind } } }, async (engine, fake) => {
        const reason = new AssayError('phase_timeout', 'the pull phase took too long');
        const controller = new AbortController();
        const pulling = errorOf(engine.images.pull(REF, { signal: controller.signal }));
        await eventually(() => fake.calls().includes('pull'));
        controller.abort(reason);
        expect(await pulling).toBe(reason);
        await eventually(() => fake.connections() === 0);
        expect(fake.connections()).toBe(0);
      });
    },
  );

  test('any bytes as an answer give an AssayError or an image', async () => {
    const piece = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom(
        '\n',
        '{"status":"x"}\n',
        '{"error":null}\n',
        '{"error":{}}\n',
        '{"errorDetail":{"message":1}}\n',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece), async (pieces) => {
        const fault: Fault = { kind: 'body', body: pieces.map((text) => Buffer.from(text)), effect: false };
        await withFake({ faults: { pull: fault }, images: [REF] }, async (engine) => {
          await engine.images.pull(REF, { signal: never }).catch((error) => {
            expect(error).toBeInstanceOf(AssayError);
            expect(error.code).not.toBe('internal');
          });
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe('a push that fails', () => {
  const cases: [string, Fault, string, string][] = [
    [
      'limited by status',
      { kind: 'status', status: 429, message: 'slow down' },
      'image_pull_limited',
      'slow down',
    ],
    ['any error inside a 200', inside('unauthorized: log in'), 'image_push_failed', 'unauthorized: log in'],
    ['an end without a digest', { kind: 'empty', effect: false }, 'image_push_failed', 'no digest'],
    ['a proxy page', { kind: 'html-status', status: 502 }, 'image_push_failed', '502'],
    ['HTML instead of lines', { kind: 'html', effect: false }, 'image_push_failed', 'DOCTYPE'],
    ['a closed connection', { kind: 'close' }, 'engine_failed', REF],
  ];
  test.each(cases)('%s', async (_name, fault, code, words) => {
    await withFake({ faults: { push: fault }, faultCount: 1, images: [REF] }, async (engine) => {
      const push = () => engine.images.push(REF, { signal: never });
      expect(await errorOf(push())).toMatchObject({ code, message: expect.stringContaining(words) });
      expect(await push()).toHaveProperty('digest');
    });
  });
});

describe('a load that fails', () => {
  const load = async (engine: Engine, signal: AbortSignal) =>
    engine.images.load(await dockerArchive({ ref: REF, layers: [{ file: 'content' }] }), { signal });
  const cases: [string, Fault, string, string][] = [
    [
      'a layer that is not there',
      inside('open /x/layer.tar: no such file'),
      'image_build_failed',
      'layer.tar',
    ],
    ['a full disk inside a 200', inside('write /x: no space left on device'), 'disk_full', 'no space'],
    [
      'a full disk',
      { kind: 'status', status: 500, message: 'no space left on device' },
      'disk_full',
      'no space',
    ],
    ['a proxy page', { kind: 'html-status', status: 502 }, 'image_build_failed', '502'],
    ['HTML instead of lines', { kind: 'html', effect: false }, 'image_build_failed', 'DOCTYPE'],
    ['nothing', { kind: 'empty', effect: false }, 'image_build_failed', 'loaded nothing'],
  ];
  test.each(cases)('%s', async (_name, fault, code, words) => {
    await withFake({ faults: { load: fault }, faultCount: 1 }, async (engine) => {
      const error = await errorOf(load(engine, never));
      expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
      await load(engine, never);
      expect(await engine.images.inspect(REF, never)).toMatchObject({ ref: REF });
    });
  });

  test('because its archive fails names the reason', async () => {
    await withFake({}, async (engine) => {
      const archive = new Readable({
        read() {
          this.destroy(new Error('cannot read the mirror'));
        },
      });
      expect(await errorOf(engine.images.load(archive, { signal: never }))).toMatchObject({
        code: 'image_build_failed',
        message: expect.stringContaining('cannot read the mirror'),
      });
    });
  });

  test('before its archive was read to the end destroys the archive', async () => {
    await withFake({ faults: { load: { kind: 'empty', effect: false } } }, async (engine) => {
      const archive = new Readable({ read() {} });
      archive.push('the first bytes');
      await errorOf(engine.images.load(archive, { signal: never }));
      expect(archive.destroyed).toBe(true);
    });
  });

  test.each(['hang', 'endless'] as const)('%s: an abort ends it and closes the connection', async (kind) => {
    await withFake({ faults: { load: { kind, effect: false } } }, async (engine, fake) => {
      const reason = new AssayError('phase_timeout', 'the load took too long');
      const controller = new AbortController();
      const loading = errorOf(load(engine, controller.signal));
      await eventually(() => fake.calls().includes('load'));
      controller.abort(reason);
      expect(await loading).toBe(reason);
      await eventually(() => fake.connections() === 0);
      expect(fake.connections()).toBe(0);
    });
  });
});
