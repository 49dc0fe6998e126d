import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import { errorOf, eventually } from '../engine/docker/scenario.js';
import { dockerArchive } from '../fixtures/engine/docker-archive.js';
import { describeWithDocker } from '../helpers/docker.js';
import { type FakeRegistry, type RegistryFault, registryError, startRegistry } from './registry.js';

const never = new AbortController().signal;
const status = (code: number, body?: string): RegistryFault => ({
  kind: 'status',
  status: code,
  body,
  headers: { 'Retry-After': '7' },
});
const limited = registryError('TOOMANYREQUESTS', 'You have reached your pull rate limit.');

await describeWithDocker('a registry that misbehaves', ({ engine: { images } }) => {
  let registry: FakeRegistry;
  let ref: string;
  let digest: string;
  let count = 0;

  /** Makes a tiny image of its own content and gives its name. */
  async function tinyImage(): Promise<string> {
    const name = `${registry.host}/assay-test/tiny:${++count}`;
    const layers = [{ file: `${registry.host} ${count} `.repeat(50_000) }];
    await images.load(await dockerArchive({ ref: name, layers }), { signal: never });
    return name;
  }

  beforeAll(async () => {
    registry = await startRegistry();
    ref = await tinyImage();
    ({ digest } = await images.push(ref, { signal: never }));
  });
  beforeEach(() => registry.break({}));
  afterAll(async () => {
    for (let i = 1; i <= count; i++) await images.remove(`${registry.host}/assay-test/tiny:${i}`);
    await registry.close();
  });

  describe('in a pull', () => {
    beforeEach(async () => void (await images.remove(ref)));

    async function comesAfterwards(): Promise<void> {
      expect(await images.inspect(ref, never)).toBeUndefined();
      registry.break({});
      expect(await images.pull(ref, { signal: never })).toMatchObject({ ref, digest });
    }

    test.each<[string, RegistryFault, string, string]>([
      ['429 with its reason', status(429, limited), 'image_pull_limited', 'reached your pull rate limit'],
      ['429 with nothing', status(429), 'image_pull_limited', '429'],
      ['429 with a page', status(429, '<html>'), 'image_pull_limited', '429'],
      ['500', status(500), 'image_pull_failed', '500'],
      ['503 with a page', status(503, '<html>'), 'image_pull_failed', '503'],
      ['401', status(401), 'image_pull_failed', 'unauthorized'],
      ['404', status(404, registryError('MANIFEST_UNKNOWN', 'unknown')), 'image_missing', 'not found'],
      [
        '404 of the repository',
        status(404, registryError('NAME_UNKNOWN', 'no')),
        'image_missing',
        'not found',
      ],
      ['garbage', { kind: 'garbage' }, 'image_pull_failed', 'invalid character'],
      ['half a manifest', { kind: 'truncate' }, 'image_pull_failed', 'EOF'],
    ])('%s: its code and words, nothing tagged, and a later try works', async (_, fault, code, words) => {
      registry.break({ getManifest: fault });
      const message = expect.stringMatching(new RegExp(`${ref}.*${words}`));
      expect(await errorOf(images.pull(ref, { signal: never }))).toMatchObject({ code, message });
      await comesAfterwards();
    });

    test.each<[string, RegistryFault, string]>([
      ['other bytes', { kind: 'garbage' }, 'image_pull_failed'],
      ['404', status(404, registryError('BLOB_UNKNOWN', 'blob unknown')), 'image_pull_failed'],
      ['429', status(429, limited), 'image_pull_limited'],
    ])('%s instead of a layer: its code, nothing tagged, and a later try works', async (_, fault, code) => {
      registry.break({ getBlob: fault });
      expect(await errorOf(images.pull(ref, { signal: never }))).toMatchObject({ code });
      await comesAfterwards();
    });

    test.each<[string, RegistryFault]>([
      ['half of each layer', { kind: 'truncate' }],
      ['500 instead of each layer', status(500)],
      ['no answer', { kind: 'hang' }],
    ])('%s: the pull ends with its deadline, nothing is tagged, and a later try works', async (_, fault) => {
      registry.break({ getBlob: fault });
      const deadline = new AssayError('phase_timeout', 'the pull phase took too long');
      const controller = new AbortController();
      const before = registry.requests.length;
      const pulling = errorOf(images.pull(ref, { signal: controller.signal }));
      const hasBegun = () => registry.requests.slice(before).some((request) => request.includes('/blobs/'));
      await eventually(hasBegun);
      expect(hasBegun()).toBe(true);
      controller.abort(deadline);
      expect(await pulling).toBe(deadline);
      // Docker finishes an aborted download before it begins another of that layer, so the next pull waits for what hangs
      await comesAfterwards();
    });

    test('an image is found by its digest, and not by one that it has not', async () => {
      const name = ref.slice(0, ref.lastIndexOf(':'));
      const pinned = `${name}@${digest}`;
      expect(await images.pull(pinned, { signal: never })).toMatchObject({ ref: pinned, digest });
      expect(await images.inspect(ref, never)).toBeUndefined();
      await images.remove(pinned);
      const wrong = `sha256:${'1'.repeat(64)}`;
      registry.swap(wrong, digest);
      expect(await errorOf(images.pull(`${name}@${wrong}`, { signal: never }))).toMatchObject({
        code: 'image_pull_failed',
        message: expect.stringContaining('verification failed'),
      });
      expect(await images.inspect(`${name}@${wrong}`, never)).toBeUndefined();
    });
  });

  describe('in a push', () => {
    test.each<[string, 'startUpload' | 'putManifest', RegistryFault, string, string]>([
      ['429 for a layer', 'startUpload', status(429, limited), 'image_pull_limited', 'rate limit'],
      ['401 for a layer', 'startUpload', status(401), 'image_push_failed', 'unauthorized'],
      ['429 for the manifest', 'putManifest', status(429, limited), 'image_pull_limited', 'rate limit'],
      ['500 for the manifest', 'putManifest', status(500), 'image_push_failed', '500'],
      ['a closed connection', 'putManifest', { kind: 'close' }, 'image_push_failed', 'EOF'],
    ])('%s: its code and words, nothing tagged, and a later try works', async (_, at, fault, code, words) => {
      const pushed = await tinyImage();
      const key = pushed.replace(`${registry.host}/`, '');
      registry.break({ [at]: fault });
      expect(await errorOf(images.push(pushed, { signal: never }))).toMatchObject({
        code,
        message: expect.stringContaining(words),
      });
      expect(registry.stored.has(key)).toBe(false);
      registry.break({});
      const before = registry.requests.length;
      const made = await images.push(pushed, { signal: never });
      expect(registry.stored.get(key)?.bytes).toEqual(registry.stored.get(made.digest)?.bytes);
      const uploads = registry.requests.slice(before).filter((request) => request.startsWith('PUT'));
      // what arrived with the first try isn't sent again
      if (at === 'putManifest') expect(uploads).toEqual([expect.stringContaining('/manifests/')]);
    });

    test('no answer: the push ends with its deadline, nothing is tagged, and a later try works', async () => {
      const pushed = await tinyImage();
      registry.break({ startUpload: { kind: 'hang' } });
      const deadline = new AssayError('phase_timeout', 'the push took too long');
      const controller = new AbortController();
      const pushing = errorOf(images.push(pushed, { signal: controller.signal }));
      await eventually(() => registry.requests.at(-1)?.startsWith('POST') === true);
      controller.abort(deadline);
      expect(await pushing).toBe(deadline);
      expect(registry.stored.has(pushed.replace(`${registry.host}/`, ''))).toBe(false);
      registry.break({});
      expect(await images.push(pushed, { signal: never })).toHaveProperty('digest');
    });
  });

  test('that is not there is image_pull_failed, with its address', async () => {
    const other = await startRegistry();
    await other.close();
    expect(await errorOf(images.pull(`${other.host}/app:1`, { signal: never }))).toMatchObject({
      code: 'image_pull_failed',
      message: expect.stringContaining('refused'),
    });
  });
});
