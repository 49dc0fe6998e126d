import { describe, expect, test } from '@jest/globals';
import { judgeDataset, judgeImages, judgeLocalImages } from '../../src/doctor/dataset.js';
import {
  isOlder,
  judgeFailures,
  judgeIsolation,
  judgeTrial,
  judgeTrialError,
} from '../../src/doctor/engine.js';
import type { Finding } from '../../src/doctor/finding.js';
import { judgeHub, judgeProxies, judgeRegistry } from '../../src/doctor/network.js';
import { judgeGit, judgeGpu, judgeNode } from '../../src/doctor/programs.js';
import { judgeFolder, judgeImageDisk, judgeMemory, judgeProcesses } from '../../src/doctor/resources.js';
import { AssayError } from '../../src/errors.js';

const GIB = 2 ** 30;
const status = (findings: readonly Finding[]) => findings.map((finding) => finding.status);

describe('programs', () => {
  test('a Node older than package.json asks for fails, and versions compare by number', () => {
    expect(judgeNode('18.20.4', '>=20.19')).toMatchObject({ status: 'fail', found: '18.20.4 is too old' });
    expect(status([judgeNode('20.19.0', '>=20.19'), judgeNode('100.0.0', '>=20.19')])).toEqual(['ok', 'ok']);
    expect([isOlder('1.9', '1.41'), isOlder('2.0', '1.41'), isOlder('1.41', '1.41')]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('git of any maker is understood, and what is no git is shown', () => {
    expect(judgeGit('git version 2.39.5 (Apple Git-154)')).toEqual({ status: 'ok', found: '2.39.5' });
    expect(judgeGit('hello')).toMatchObject({ status: 'fail', found: 'git --version says "hello"' });
  });

  test('no GPU is nothing to mend, one whose driver fails is', () => {
    expect(status([judgeGpu({ kind: 'none' }), judgeGpu({ kind: 'broken', words: 'mismatch' })])).toEqual([
      'skip',
      'warn',
    ]);
  });
});

describe('the engine', () => {
  test('of several addresses the one that says most is named', () => {
    const failures = [
      { address: 'unix:///a', reason: 'no_socket', words: 'does not exist' },
      { address: 'unix:///b', reason: 'no_permission', words: 'no permission' },
    ] as const;
    expect(judgeFailures(failures, false)).toMatchObject({
      found: 'no engine: unix:///b: no permission',
      fix: expect.stringContaining('usermod'),
    });
  });

  test('a container with a route to somewhere, or with another memory bound, fails', () => {
    const routes = 'Iface\tDestination\n';
    const trial = { image: 'i', routes, memoryBytes: 4 * GIB };
    expect(
      status([
        judgeTrial(trial, 4 * GIB),
        judgeTrial({ ...trial, memoryBytes: undefined }, 4 * GIB),
        judgeTrial({ ...trial, memoryBytes: 9e18 }, 4 * GIB),
        judgeTrial({ ...trial, routes: `${routes}eth0\t00000000\n` }, 4 * GIB),
      ]),
    ).toEqual(['ok', 'ok', 'fail', 'fail']);
  });

  test.each([
    ['exec /bin/sh: exec format error', 'platform'],
    ['no space left on device', 'image disk'],
    ['something new', 'log of the engine'],
  ])('a container that fails with %j has a fix of its own', (words, fix) => {
    expect(judgeTrialError(words)).toMatchObject({ status: 'fail', fix: expect.stringContaining(fix) });
  });

  test('a local engine that shows files of this machine is warned of', () => {
    expect(judgeIsolation({ isolation: 'process group only', isolated: false })).toMatchObject({
      status: 'warn',
      fix: expect.stringContaining('bubblewrap'),
    });
  });
});

describe('the dataset and its images', () => {
  const wish = { dataset: 'verified', offline: false };

  test('a dataset that is not in the cache fails only without network', () => {
    const absent = new AssayError('dataset_offline', 'not there');
    expect(status([judgeDataset(absent, wish), judgeDataset(absent, { ...wish, offline: true })])).toEqual([
      'ok',
      'fail',
    ]);
    expect(judgeDataset(new AssayError('bad_dataset', 'row 3', { detail: 'patch' }), wish)).toMatchObject({
      status: 'fail',
      found: 'row 3: patch',
    });
  });

  test('missing images fail where nobody can give them', () => {
    const counts = { total: 3, present: 1, unpublished: 0 };
    expect(
      status([
        judgeImages({ ...counts, present: 3 }, { ...wish, offline: true }),
        judgeImages(counts, wish),
        judgeImages(counts, { ...wish, offline: true }),
        judgeImages({ ...counts, unpublished: 1 }, wish),
        judgeLocalImages(0, 3, 'sample'),
        judgeLocalImages(2, 3, 'verified'),
      ]),
    ).toEqual(['ok', 'ok', 'fail', 'fail', 'ok', 'fail']);
  });

  test('disk for images: enough, enough with pruning, too little, not to be seen', () => {
    const disk = (freeBytes: number | undefined, missing?: number) =>
      judgeImageDisk({ folder: '/var/lib/docker', freeBytes, missing });
    expect(status([disk(400 * GIB, 500), disk(100 * GIB, 500), disk(10 * GIB, 500)])).toEqual([
      'ok',
      'warn',
      'fail',
    ]);
    expect(status([disk(10 * GIB, 0), disk(10 * GIB), disk(30 * GIB), disk(undefined, 500)])).toEqual([
      ...['ok', 'fail', 'ok', 'skip'],
    ]);
    expect(disk(100 * GIB, 500).fix).toContain('--max-disk 80GB');
  });
});

describe('the network', () => {
  const registry = (left: string, missing: number | undefined, code = 200) =>
    judgeRegistry({
      url: 'https://r',
      asked: { status: code, headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': left } },
      ...{ login: 'none', missing, proxied: false },
    });

  test('fewer pulls than images are a warning, none a failure, and neither matters when all images are here', () => {
    expect(
      status([registry('80;w=21600', 500), registry('80;w=21600', 80), registry('0;w=21600', 1)]),
    ).toEqual([...['warn', 'ok', 'fail']]);
    expect(status([registry('0;w=21600', 0), registry('', 5), registry('', 5, 503)])).toEqual([
      'ok',
      'ok',
      'warn',
    ]);
  });

  test('a Hub that fails matters less when the dataset is in the cache; certificates have a fix of their own', () => {
    const hub = { endpoint: 'https://h', hasToken: false, proxied: true };
    const asked = {
      error: 'SELF_SIGNED_CERT_IN_CHAIN',
      words: 'self-signed certificate in certificate chain',
    };
    expect(judgeHub({ ...hub, asked, isNeeded: true })).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(judgeHub({ ...hub, asked: { error: 'ETIMEDOUT', words: '' }, isNeeded: false })).toMatchObject({
      status: 'warn',
      fix: expect.stringMatching(/NODE_USE_ENV_PROXY.*in the cache/),
    });
  });

  test('a proxy is well when loopback is spared', () => {
    const proxies = [{ variable: 'HTTP_PROXY', address: 'p:3128' }];
    const spared = ['', 'localhost', '127.0.0.1 localhost', 'a, localhost,127.0.0.1', '*'];
    expect(status(spared.map((text) => judgeProxies(proxies, text)))).toEqual([
      'warn',
      'warn',
      'ok',
      'ok',
      'ok',
    ]);
  });
});

describe('this machine', () => {
  const memory = { totalBytes: 64 * GIB, freeBytes: 32 * GIB, ownBytes: undefined, local: false };

  test('a bound on our own memory counts for patches where they run in it', () => {
    const ownBytes = 2 * GIB;
    expect(
      status([
        judgeMemory(memory),
        judgeMemory({ ...memory, freeBytes: 2 * GIB }),
        judgeMemory({ ...memory, ownBytes }),
        judgeMemory({ ...memory, ownBytes, local: true }),
        judgeMemory({ ...memory, ownBytes: GIB / 2 }),
      ]),
    ).toEqual(['ok', 'warn', 'ok', 'warn', 'fail']);
  });

  test('the smaller bound on processes is named', () => {
    expect(judgeProcesses({ user: 96_551, group: 100 })).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('100 (pids.max'),
    });
    expect(judgeProcesses({ user: undefined, group: undefined }).status).toBe('ok');
  });

  test('a folder with little space is a warning, one of a read-only disk a failure', () => {
    const need = { needBytes: GIB, elsewhere: 'go elsewhere' };
    expect(judgeFolder({ path: '/c', freeBytes: 1 }, need)).toMatchObject({ status: 'warn' });
    expect(judgeFolder({ path: '/c', freeBytes: 0, error: 'EROFS' }, need)).toMatchObject({
      status: 'fail',
      found: '/c is on a read-only file system',
      fix: 'Make it writable, or go elsewhere.',
    });
  });
});
