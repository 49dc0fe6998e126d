import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { registryLogin } from '../../../src/engine/docker/auth.js';
import { errorOf, withFake } from './scenario.js';

const never = new AbortController().signal;
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('the login for a pull', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'auth-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const write = (config: unknown) => writeFile(join(folder, 'config.json'), JSON.stringify(config));

  test('comes from the entry of the registry, and is none elsewhere', async () => {
    const auths = {
      'https://index.docker.io/v1/': { auth: base64('me:a:b') },
      'host:5000': { auth: base64('you:c') },
    };
    await write({ auths });
    expect(await registryLogin('swebench/x', folder)).toMatchObject({ username: 'me', password: 'a:b' });
    expect(await registryLogin('docker.io/swebench/x', folder)).toMatchObject({ username: 'me' });
    expect(await registryLogin('host:5000/x', folder)).toMatchObject({ username: 'you', password: 'c' });
    expect(await registryLogin('ghcr.io/a/x', folder)).toBeUndefined();
    expect(await registryLogin('x', join(folder, 'none'))).toBeUndefined();
  });

  test('comes from the credential helper that the file names', async () => {
    const helper = join(folder, 'docker-credential-test');
    await writeFile(
      helper,
      '#!/bin/sh\nread host\n[ "$host" = ghcr.io ] || exit 1\necho \'{"Username":"me","Secret":"s"}\'\n',
    );
    await chmod(helper, 0o755);
    await write({ credsStore: 'test' });
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    expect(await registryLogin('ghcr.io/a/x', folder, env)).toMatchObject({ username: 'me', password: 's' });
    expect(await registryLogin('quay.io/a/x', folder, env)).toBeUndefined();
  });

  test('is sent with the pull', async () => {
    await write({ auths: { 'https://index.docker.io/v1/': { auth: base64('me:secret') } } });
    const behaviour = { registry: ['a/b:1'], login: 'me:secret' };
    await withFake(
      behaviour,
      async (engine) => {
        expect(await engine.images.pull('a/b:1', { signal: never })).toMatchObject({ ref: 'a/b:1' });
      },
      folder,
    );
    await withFake(behaviour, async (engine) => {
      expect(await errorOf(engine.images.pull('a/b:1', { signal: never }))).toMatchObject({
        code: 'image_missing',
      });
    });
  });

  test('that cannot be read is told and left out', async () => {
    for (const config of [{ credsStore: 'missing-helper' }, 'no object', null]) {
      await write(config);
      const lines: string[] = [];
      await withFake(
        { registry: ['a/b:1'] },
        async (engine) => {
          await engine.images.pull('a/b:1', { signal: never, onProgress: (line) => lines.push(line) });
        },
        folder,
      );
      if (config !== 'no object') expect(lines[0]).toContain('without login');
    }
  });
});
