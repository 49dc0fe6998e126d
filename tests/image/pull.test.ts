import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AssayError } from '../../src/errors.js';
import { createPuller, type PullerOptions, pauseAfter } from '../../src/image/pull.js';
import { isOnDockerHub, nextPullAt, recentPulls, retryAfterMs } from '../../src/image/pull-rate.js';
import type { Clock } from '../../src/util/clock.js';
import { self } from './context.js';
import { fakeStore } from './fake-store.js';

const signal = new AbortController().signal;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const limited = (words = 'too many requests') => new AssayError('image_pull_limited', words);

describe('the rate of pulls', () => {
  const rate = { count: 2, seconds: 3600 };

  test('lets pulls through until the count is reached, then from when the oldest is out of the window', () => {
    expect(nextPullAt([], rate, 10 * HOUR)).toBe(10 * HOUR);
    expect(nextPullAt([9.5 * HOUR], rate, 10 * HOUR)).toBe(10 * HOUR);
    expect(nextPullAt([9.6 * HOUR, 9.5 * HOUR], rate, 10 * HOUR)).toBe(10.5 * HOUR);
    expect(nextPullAt([9.4 * HOUR, 9.5 * HOUR, 9.6 * HOUR], rate, 10 * HOUR)).toBe(10.5 * HOUR);
  });

  test('forgets pulls that are out of the window, and those of a clock that was ahead', () => {
    expect(recentPulls([8 * HOUR, 9 * HOUR, 9.5 * HOUR, 11 * HOUR], rate, 10 * HOUR)).toEqual([9.5 * HOUR]);
  });

  test.each([
    ['toomanyrequests: retry-after: 2s, allowed: 44000/minute', 2000],
    ['Retry-After: 30', 30_000],
    ['retry-after: 250ms', 250],
    ['retry-after: 1.5m', 90_000],
    ['You have reached your pull rate limit', undefined],
  ])('%j asks to wait %s ms', (words, ms) => {
    expect(retryAfterMs(words)).toBe(ms);
  });

  test.each([
    ['ubuntu', true],
    ['owner/name:tag', true],
    ['docker.io/owner/name', true],
    ['registry.example.org/owner/name', false],
    ['localhost:5000/name', false],
    ['localhost/name', false],
  ])('%s is on Docker Hub: %s', (ref, expected) => {
    expect(isOnDockerHub(ref)).toBe(expected);
  });

  test('a limit is waited for, longer each time up to an hour; other failures twice; absence never', () => {
    expect([1, 2, 3, 20].map((tries) => pauseAfter(limited(), tries))).toEqual([
      MINUTE,
      2 * MINUTE,
      4 * MINUTE,
      HOUR,
    ]);
    expect(pauseAfter(limited('retry-after: 5s'), 4)).toBe(5000);
    const failed = new AssayError('image_pull_failed', 'HTTP 500');
    expect([1, 2, 3].map((tries) => pauseAfter(failed, tries))).toEqual([2000, 4000, undefined]);
    expect(pauseAfter(new AssayError('image_missing', 'unknown'), 1)).toBeUndefined();
    expect(pauseAfter(new AssayError('disk_full', 'no space'), 1)).toBeUndefined();
  });
});

describe('a puller', () => {
  const ref = 'owner/one:latest';
  let cacheDir = '';
  beforeEach(() => {
    cacheDir = mkdtempSync(join(tmpdir(), 'assay-pull-'));
  });
  afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

  /** Time passes only by waiting. */
  function setting(engine: PullerOptions['engine'], extra: Partial<PullerOptions> = {}) {
    let now = Date.UTC(2026, 0, 1);
    const log: string[] = [];
    const waits: number[] = [];
    const clock: Clock = {
      now: () => now,
      iso: () => new Date(now).toISOString(),
      after(ms, fire) {
        waits.push(ms);
        now += ms;
        queueMicrotask(fire);
        return () => {};
      },
    };
    const puller = createPuller({
      engine,
      clock,
      cacheDir,
      owner: self,
      rate: undefined,
      hasLogin: async () => false,
      updateDigests: false,
      patienceMs: 24 * HOUR,
      onLog: (line) => log.push(line),
      ...extra,
    });
    return { puller, log, waits };
  }
  const digestsFile = () => JSON.parse(readFileSync(join(cacheDir, 'image-digests.json'), 'utf8')) as unknown;

  test('records the digest of what it pulled, and pulls nothing that is there', async () => {
    const store = fakeStore({ registry: new Map([[ref, 'sha256:1']]) });
    const { puller } = setting(store);
    expect((await puller.pull(ref, signal)).digest).toBe('sha256:1');
    await puller.pull(ref, signal);
    expect(store.pulled).toEqual([ref]);
    expect(digestsFile()).toEqual({ [ref]: 'sha256:1' });
  });

  test('pulls a recorded digest from then on, whatever the name stands for, and gives it the name', async () => {
    const registry = new Map([
      [ref, 'sha256:1'],
      ['owner/one:newer', 'sha256:1'],
    ]);
    await setting(fakeStore({ registry })).puller.pull(ref, signal);
    registry.set(ref, 'sha256:2');
    const store = fakeStore({ registry });
    const image = await setting(store).puller.pull(ref, signal);
    expect([image.ref, image.digest]).toEqual([ref, 'sha256:1']);
    expect(store.pulled).toEqual(['owner/one@sha256:1']);
    expect(store.names()).toContain(ref);
  });

  test('says that the recorded digest is gone, and takes the new one when told to', async () => {
    const registry = new Map([[ref, 'sha256:1']]);
    await setting(fakeStore({ registry })).puller.pull(ref, signal);
    registry.set(ref, 'sha256:2');
    await expect(setting(fakeStore({ registry })).puller.pull(ref, signal)).rejects.toMatchObject({
      code: 'image_changed',
      message: expect.stringContaining('no longer has sha256:1'),
    });
    const { puller, log } = setting(fakeStore({ registry }), { updateDigests: true });
    expect((await puller.pull(ref, signal)).digest).toBe('sha256:2');
    expect(log.join()).toContain('was sha256:1, and is sha256:2');
    expect(digestsFile()).toEqual({ [ref]: 'sha256:2' });
  });

  test('refuses an image that is there with another digest than the recorded one', async () => {
    await setting(fakeStore({ registry: new Map([[ref, 'sha256:1']]) })).puller.pull(ref, signal);
    const { puller } = setting(fakeStore({ images: { [ref]: { digest: 'sha256:other' } } }));
    await expect(puller.pull(ref, signal)).rejects.toMatchObject({ code: 'image_changed' });
  });

  test('asks no registry when it is offline, not even for newer digests of what is there', async () => {
    const store = fakeStore({
      images: { [ref]: { digest: 'sha256:1' } },
      registry: new Map([[ref, 'sha256:2']]),
    });
    const { puller } = setting(store, { offline: true, updateDigests: true });
    expect((await puller.pull(ref, signal)).digest).toBe('sha256:1');
    await expect(puller.pull('owner/two:latest', signal)).rejects.toMatchObject({
      code: 'image_missing',
      message: 'owner/two:latest is not in the engine, and --offline pulls nothing',
    });
    expect(store.pulled).toEqual([]);
  });

  test('a damaged record of digests is an error that names the file, not an empty record', async () => {
    writeFileSync(join(cacheDir, 'image-digests.json'), '{"a": 1}');
    const { puller } = setting(fakeStore({ registry: new Map([[ref, 'sha256:1']]) }));
    await expect(puller.pull(ref, signal)).rejects.toMatchObject({
      code: 'file_unusable',
      message: expect.stringContaining('image-digests.json'),
    });
  });

  test('waits when the rate is reached, says until when, and so does the next process', async () => {
    const refs = ['owner/a:1', 'owner/b:1', 'owner/c:1'];
    const registry = new Map(refs.map((name) => [name, 'sha256:1']));
    const rate = { count: 2, seconds: 6 * 3600 };
    const { puller, waits, log } = setting(fakeStore({ registry }), { rate });
    for (const name of refs.slice(0, 2)) await puller.pull(name, signal);
    expect(waits).toEqual([]);
    const second = setting(fakeStore({ registry }), { rate });
    await second.puller.pull('owner/c:1', signal);
    expect(second.waits).toEqual([6 * HOUR]);
    expect(second.log).toEqual([
      expect.stringMatching(/^owner\/c:1: waiting until 2026-01-01T06:00:00.000Z/),
    ]);
    expect(log).toEqual([]);
  });

  test('a login, another registry and rate 0 lift the limit', async () => {
    const rate = { count: 1, seconds: 3600 };
    const refs = ['owner/a:1', 'owner/b:1', 'registry.example.org/a:1', 'registry.example.org/b:1'];
    const registry = new Map(refs.map((name) => [name, 'sha256:1']));
    const withLogin = setting(fakeStore({ registry }), { rate, hasLogin: async () => true });
    for (const name of refs) await withLogin.puller.pull(name, signal);
    const elsewhere = setting(fakeStore({ registry }), { rate });
    for (const name of refs.slice(2)) await elsewhere.puller.pull(name, signal);
    expect([...withLogin.waits, ...elsewhere.waits]).toEqual([]);
  });

  test('gives up at once when the wait would take longer than it may', async () => {
    const registry = new Map([
      ['owner/a:1', 'sha256:1'],
      [ref, 'sha256:1'],
    ]);
    const { puller, waits } = setting(fakeStore({ registry }), {
      rate: { count: 1, seconds: 3600 },
      patienceMs: MINUTE,
    });
    await puller.pull('owner/a:1', signal);
    await expect(puller.pull(ref, signal)).rejects.toMatchObject({
      code: 'image_pull_limited',
      message: expect.stringContaining('2026-01-01T01:00:00.000Z'),
    });
    expect(waits).toEqual([]);
  });

  test('tries again after a 429, and reports absence at once', async () => {
    let left = 2;
    const store = fakeStore({
      registry: new Map([[ref, 'sha256:1']]),
      onPull: () => {
        if (left-- > 0) throw limited();
      },
    });
    const { puller, waits } = setting(store);
    await puller.pull(ref, signal);
    expect(waits).toEqual([MINUTE, 2 * MINUTE]);
    const absent = setting(fakeStore());
    await expect(absent.puller.pull('owner/never-pulled:1', signal)).rejects.toMatchObject({
      code: 'image_missing',
    });
    expect(absent.waits).toEqual([]);
  });

  test('two that want one image at once pull it once', async () => {
    const store = fakeStore({ registry: new Map([[ref, 'sha256:1']]) });
    const { puller } = setting(store);
    await Promise.all([puller.pull(ref, signal), puller.pull(ref, signal)]);
    expect(store.pulled).toEqual([ref]);
  });

  test('an abort ends a wait', async () => {
    const stop = new AbortController();
    const clock: Clock = { now: () => 0, iso: () => new Date(0).toISOString(), after: () => () => {} };
    const store = fakeStore({
      onPull: () => {
        setImmediate(() => stop.abort(new Error('stopped')));
        throw limited();
      },
    });
    await expect(setting(store, { clock }).puller.pull(ref, stop.signal)).rejects.toThrow('stopped');
  });
});
