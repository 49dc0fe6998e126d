import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { which } from '../../src/engine/local/tools.js';
import { mountSmallDisk } from '../faults/full-disk.js';
import { type Answer, serve } from '../helpers/doctor.js';
import { doctorGround, expectCause, isRoot, LOCAL_CHECKS, NOBODY } from '../helpers/doctor-ground.js';

const ground = doctorGround();
const testAsRoot = isRoot ? test : test.skip;
const diskFolder = join(tmpdir(), `assay-doctor-disk-${process.pid}`);
const disk = await mountSmallDisk(diskFolder);
const group = smallGroup();
/** A control group of 512 MiB, of version 1 or 2; undefined where this user may not make one. */
function smallGroup(): string | undefined {
  const root = '/sys/fs/cgroup';
  const [parent, file] = existsSync(join(root, 'memory'))
    ? [join(root, 'memory'), 'memory.limit_in_bytes']
    : [root, 'memory.max'];
  const folder = join(parent, `assay-doctor-${process.pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, file), String(512 * 2 ** 20));
    return folder;
  } catch {
    return undefined;
  }
}

afterAll(async () => {
  disk?.remove();
  if (group !== undefined) rmdirSync(group);
  await rm(diskFolder, { recursive: true, force: true });
});

/** An address where a server was, and is no more. */
async function nobody(): Promise<string> {
  const { server, host } = await serve(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return host;
}

describe('a network that is not what it seems', () => {
  const hub = (env: Readonly<Record<string, string>>) => ground.doctor({ args: [], env });

  test('a Hub that is not there, and an empty cache', async () => {
    const found = await hub({ HF_ENDPOINT: `http://${await nobody()}` });
    expectCause(found, 'hub', {
      found: /127\.0\.0\.1:\d+ can't be reached: .*ECONNREFUSED/,
      fix: /Check the network.*local/,
    });
  });

  test('a Hub that never answers', async () => {
    const found = await hub({ HF_ENDPOINT: `http://${await ground.start(() => undefined)}` });
    expectCause(found, 'hub', { found: /no answer in 4 s/, fix: /firewall/ });
  });

  test('a token that the Hub does not take', async () => {
    const HF_ENDPOINT = `http://${await ground.start(() => ({ status: 401 }))}`;
    const found = await hub({ HF_ENDPOINT, HF_TOKEN: 'hf_old' });
    expectCause(found, 'hub', {
      found: /answers 401; HF_TOKEN is set/,
      fix: /token is not taken.*unset HF_TOKEN/,
    });
  });

  test('no network allowed, and the dataset is not here', async () => {
    const found = await ground.doctor();
    expectCause(found, 'dataset', {
      found: /not in the cache and the network is off/,
      fix: /assay dataset list verified/,
    });
    expect(found.lines['registry']).toMatchObject({ status: 'skip', found: 'not asked: --offline' });
    expect(found.lines['hub']).toMatchObject({ status: 'skip', found: 'not asked: --offline' });
  });

  /** An engine whose pulls go through a registry of ours, which grants so many. */
  const withRegistry = async (granted: (path: string) => Answer) => {
    let host = '';
    host = await ground.start((path, headers) => {
      if (path.startsWith('/token')) return { body: { token: 't' } };
      const realm = `Bearer realm="http://${host}/token",service="registry"`;
      if (headers['authorization'] !== 'Bearer t')
        return { status: 401, headers: { 'www-authenticate': realm } };
      return granted(path);
    });
    return ground.withEngine({ info: { RegistryConfig: { Mirrors: [`http://${host}/`] } } }, []);
  };

  test('a registry that grants no more pulls', async () => {
    const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' };
    const found = await withRegistry(() => ({ headers }));
    expectCause(found, 'registry', {
      found: /^0 pulls left of 100 in 6 h .*without a login/,
      fix: /docker login/,
    });
    expectCause(await withRegistry(() => ({ status: 429 })), 'registry', {
      found: /^0 pulls left/,
      fix: /docker login/,
    });
  });

  test('a login that cannot be read', async () => {
    await mkdir(join(ground.cache, '.docker'));
    await writeFile(join(ground.cache, '.docker', 'config.json'), '{"credsStore":"nowhere"}');
    const found = await withRegistry(() => ({}));
    expectCause(found, 'registry', { status: 'warn', found: /login .* can't be read/, fix: /credsStore/ });
  });

  test('a proxy that is not there', async () => {
    const found = await ground.doctor({ args: [], env: { HTTPS_PROXY: 'http://user:secret@127.0.0.1:1' } });
    expectCause(found, 'proxy', {
      found: /HTTPS_PROXY names 127\.0\.0\.1:1.*ECONNREFUSED/,
      fix: /unset HTTPS_PROXY/,
    });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('a proxy for this machine itself', async () => {
    const found = await ground.doctor({ args: [], env: { http_proxy: `http://${ground.healthy}` } });
    expectCause(found, 'proxy', {
      status: 'warn',
      found: /for 127\.0\.0\.1 and localhost, too/,
      fix: /NO_PROXY/,
    });
  });

  test('certificates of a file that is not there', async () => {
    const found = await ground.doctor({ env: { NODE_EXTRA_CA_CERTS: '/none/ca.pem' } });
    expectCause(found, 'certificates', { found: /NODE_EXTRA_CA_CERTS names \/none\/ca\.pem/, fix: /unset/ });
  });
});

describe('a machine that lacks something', () => {
  test('no git on PATH', async () => {
    expectCause(await ground.doctor({ env: { PATH: ground.cwd } }), 'git', {
      found: /not on PATH/,
      fix: /Install git/,
    });
  });

  test('a git that is too old', async () => {
    await writeFile(join(ground.cwd, 'git'), '#!/bin/sh\necho git version 2.17.1\n', { mode: 0o755 });
    const PATH = `${ground.cwd}${delimiter}${process.env['PATH']}`;
    expectCause(await ground.doctor({ env: { PATH } }), 'git', {
      found: /2\.17\.1 is too old/,
      fix: /git 2\.29/,
    });
  });

  test('no python3 for the sample benchmark', async () => {
    for (const name of ['bash', 'git', 'bwrap', 'unshare']) {
      const file = await which(name, process.env['PATH'] ?? '');
      if (file !== undefined) await symlink(file, join(ground.cwd, name));
    }
    const found = await ground.doctor({ args: ['sample'], env: { PATH: ground.cwd } });
    expectCause(found, 'python', { found: /no python3/, fix: /apt install python3.*--repo/ }, LOCAL_CHECKS);
  });

  const withFiles = (count: number) => ['sh', '-c', `ulimit -n ${count}; exec "$@"`, 'sh'];

  test('200 open files', async () => {
    const found = await ground.doctor({ under: withFiles(200) });
    expectCause(found, 'open files', { found: /^200 /, fix: /ulimit -n 4096/ });
  });

  test('64 open files, with which no command can be loaded', async () => {
    const { code, stderr } = await ground.doctor({ under: withFiles(64) });
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(
        /only 64 files may be open.*\[open_files_limit\]\n {2}-> .*ulimit -n 4096/,
      ),
    });
  });

  testAsRoot('300 processes', async () => {
    const under = ['prlimit', '--nproc=300'];
    expectCause(await ground.doctor({ under }), 'processes', {
      status: 'warn',
      found: /^300 \(ulimit -u\)/,
      fix: /ulimit -u/,
    });
  });

  test('a file where runs go', async () => {
    await writeFile(join(ground.cwd, 'runs'), '');
    expectCause(await ground.doctor(), 'runs', {
      found: /runs is below something that is no folder/,
      fix: /another folder/,
    });
  });

  testAsRoot('folders of somebody else', async () => {
    const found = await ground.doctor({ under: NOBODY });
    expectCause(found, 'runs', { found: /runs is not to be written by this user/, fix: /-o names one/ });
    expectCause(found, 'cache', { found: /cache is not to be written by this user/, fix: /ASSAY_CACHE/ });
  });

  (disk === undefined ? test.skip : test)('a cache on a full disk', async () => {
    await disk?.fill();
    const found = await ground.doctor({ cache: diskFolder });
    expectCause(found, 'cache', { found: /on a full disk/, fix: /^Free space there, or .*ASSAY_CACHE/ });
  });

  (group === undefined ? test.skip : test)('a control group of 512 MiB', async () => {
    const under = ['sh', '-c', `echo $$ > ${group}/cgroup.procs; exec "$@"`, 'sh'];
    expectCause(await ground.doctor({ under }), 'memory', {
      found: /this process may use 512 MiB only/,
      fix: /docker run --memory.*Slurm/,
    });
  });
});
