import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dockerEngine } from '../../../src/engine/docker/index.js';
import { startFakeEngine } from '../../fixtures/engine/fake-engine.js';
import { errorOf, PATIENCE, withFake } from './scenario.js';

describe('reaching an engine', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'connect-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const failure = (host: string) =>
    errorOf(dockerEngine({ host, patience: { ...PATIENCE, connectMs: 100 } }).info());

  test('says what the engine is', async () => {
    await withFake({}, async (engine) => {
      const info = await engine.info();
      expect(info).toMatchObject({ version: 'docker fake', isolated: true });
      expect(info.isolation).toContain('no network');
      expect(info.cpus).toBeGreaterThanOrEqual(1);
      expect(info.freeMemoryBytes).toBeGreaterThan(0);
    });
  });

  test.each([
    [['name=seccomp,profile=default', 'name=cgroupns'], true],
    [['name=apparmor', 'name=seccomp,profile=builtin'], true],
    [['seccomp'], true],
    [['name=seccomp,profile=unconfined'], false],
    [['name=apparmor'], false],
    [[], false],
  ])(
    'an engine that says %j of its security is warned of unless system calls are filtered',
    async (security, filtered) => {
      await withFake({ security }, async (engine) => {
        const { isolation, warning } = await engine.info();
        expect(isolation).toMatch(filtered ? /, seccomp$/ : /, NO SECCOMP$/);
        expect(warning === undefined).toBe(filtered);
      });
    },
  );

  test('a socket that does not exist is named, with what to do', async () => {
    expect(await failure(`unix://${folder}/none.sock`)).toMatchObject({
      code: 'engine_unavailable',
      message: expect.stringContaining(
        `${folder}/none.sock does not exist: is Docker installed and running?`,
      ),
    });
  });

  test('a socket that nobody listens on is named', async () => {
    const path = join(folder, 'dead.sock');
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    await symlink(path, join(folder, 'link.sock'));
    await new Promise((resolve) => server.close(resolve));
    await writeFile(path, '');
    expect(await failure(`unix://${path}`)).toMatchObject({
      code: 'engine_unavailable',
      message: expect.stringContaining(`nothing listens on ${path}`),
    });
  });

  test('a server that is no engine, or says nothing, is unavailable', async () => {
    await withFake({ faults: { ping: { kind: 'html' } } }, async (_engine, fake) => {
      expect(await failure(fake.host)).toMatchObject({
        code: 'engine_unavailable',
        message: expect.stringContaining('is no Docker engine'),
      });
    });
    await withFake({ faults: { ping: { kind: 'hang' } } }, async (_engine, fake) => {
      expect(await failure(fake.host)).toMatchObject({
        code: 'engine_unavailable',
        message: expect.stringContaining('no answer in time'),
      });
    });
  });

  test.each(['ssh://me@host', 'nonsense', 'http://'])(
    'the address %s is refused with those that work',
    async (host) => {
      expect(await failure(host)).toMatchObject({
        code: 'engine_unavailable',
        message: expect.stringContaining('use unix:///path or tcp://host:port'),
      });
    },
  );

  test('a TCP port that nobody listens on is unavailable', async () => {
    expect(await failure('tcp://127.0.0.1:1')).toMatchObject({
      code: 'engine_unavailable',
      message: expect.stringContaining('127.0.0.1'),
    });
  });

  test('an engine that starts later is found by the next call', async () => {
    const fake = await startFakeEngine();
    const path = join(folder, 'late.sock');
    const engine = dockerEngine({ host: `unix://${path}` });
    await errorOf(engine.info());
    await symlink(fake.socketPath, path);
    expect(await engine.info()).toMatchObject({ version: 'docker fake' });
    await fake.close();
  });

  test('without an address the usual sockets are tried, those of the user too', async () => {
    const fake = await startFakeEngine();
    await mkdir(join(folder, '.docker/run'), { recursive: true });
    await symlink(fake.socketPath, join(folder, '.docker/run/docker.sock'));
    const engine = dockerEngine({ runtimeDir: folder, home: folder });
    expect(await engine.info()).toMatchObject({ version: expect.stringMatching(/^docker /) });
    await fake.close();
  });
});
