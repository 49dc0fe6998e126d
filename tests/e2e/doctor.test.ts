import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { assay } from '../helpers/cli.js';
import { describeWithDocker } from '../helpers/docker.js';
import { engineWith } from '../helpers/doctor.js';
import { CHECKS, doctorGround, expectCause, isRoot, NOBODY } from '../helpers/doctor-ground.js';

const ground = doctorGround();
const testAsRoot = isRoot ? test : test.skip;

describe('an engine that is not to be reached', () => {
  test('a socket that is not there', async () => {
    const found = await ground.doctor({ env: { DOCKER_HOST: `unix://${ground.work}/none.sock` } });
    expectCause(found, 'engine', {
      found: /DOCKER_HOST=unix:.*none\.sock: .*does not exist/,
      fix: /^Correct DOCKER_HOST, .*Start Docker.*docker context inspect/,
    });
    expect(found.lines['trial']).toMatchObject({ status: 'skip', found: 'no engine answers' });
  });

  testAsRoot('a socket of others', async () => {
    const path = join(ground.cwd, 'docker.sock');
    await ground.start(engineWith({}), path);
    await chmod(path, 0o600);
    const found = await ground.doctor({ under: NOBODY, env: { DOCKER_HOST: `unix://${path}` } });
    expectCause(found, 'engine', { found: /no permission for .*docker\.sock/, fix: /usermod -aG docker/ });
  });

  test('a port that nobody listens on', async () => {
    const found = await ground.doctor({ env: { DOCKER_HOST: 'tcp://127.0.0.1:1' } });
    expectCause(found, 'engine', { found: /nothing listens on 127\.0\.0\.1/, fix: /systemctl start docker/ });
  });

  test('a server of something else', async () => {
    const host = await ground.start(() => ({ body: '<html>It works!</html>' }));
    const found = await ground.doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /is no Docker engine/, fix: /Something else listens there/ });
  });

  test('a server that never answers', async () => {
    const host = await ground.start(() => undefined);
    const found = await ground.doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /no answer in time/, fix: /stuck.*restart/ });
  });

  test('one that answers, and then hangs', async () => {
    const host = await ground.start((path) => (path.startsWith('/_ping') ? { body: 'OK' } : undefined));
    const found = await ground.doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /no answer in time to: ask for its/, fix: /stuck/ });
  });

  test('TLS where there is none', async () => {
    const found = await ground.doctor({ env: { DOCKER_HOST: `https://${ground.healthy}` } });
    expectCause(found, 'engine', {
      found: /https:.*(SSL|TLS|EPROTO)/i,
      fix: /no client certificates: forward the socket/,
    });
  });

  test('an address that is none', async () => {
    const found = await ground.doctor({ env: { DOCKER_HOST: 'ssh://me@there' } });
    expectCause(found, 'engine', { found: /not an address of an engine/, fix: /unix:\/\/\/path/ });
  });
});

describe('an engine that answers, and is unfit', () => {
  test('too old', async () => {
    const found = await ground.withEngine({
      info: { ServerVersion: '18.09.1' },
      version: { ApiVersion: '1.39' },
    });
    expectCause(found, 'engine', { found: /18\.09\.1, API 1\.39.*too old/, fix: /Update Docker to 20\.10/ });
  });

  test('of another architecture', async () => {
    const found = await ground.withEngine({ version: { Arch: 'arm64' } });
    expectCause(found, 'platform', {
      found: /linux\/arm64: published images are linux\/amd64/,
      fix: /x86-64/,
    });
  });

  test('with Windows containers', async () => {
    const found = await ground.withEngine({ info: { OSType: 'windows' } });
    expectCause(found, 'platform', { found: /windows/, fix: /Switch Docker Desktop to Linux containers/ });
  });

  test('whose clock is an hour ahead', async () => {
    const found = await ground.withEngine({
      info: { SystemTime: new Date(Date.now() + 3_600_000).toISOString() },
    });
    expectCause(found, 'clock', { found: /the engine is 60 min ahead of this machine/, fix: /set-ntp/ });
  });

  test('that copies every layer', async () => {
    const found = await ground.withEngine({ info: { Driver: 'vfs' } });
    expectCause(found, 'storage', {
      found: /vfs: each layer is a whole copy/,
      fix: /overlay2.*daemon\.json/,
    });
  });

  test('rootless, that bounds no memory', async () => {
    const info = {
      MemoryLimit: false,
      CgroupVersion: '1',
      SecurityOptions: ['name=rootless', 'name=seccomp'],
    };
    const found = await ground.withEngine({ info });
    expectCause(found, 'limits', { found: /cgroup v1, rootless: memory of containers/, fix: /Delegate/ });
  });

  test('without a filter of system calls', async () => {
    const found = await ground.withEngine({ info: { SecurityOptions: ['name=seccomp,profile=unconfined'] } });
    expectCause(found, 'seccomp', {
      status: 'warn',
      found: /without a seccomp profile/,
      fix: /seccomp-profile/,
    });
  });

  test('with too little memory for a container', async () => {
    const found = await ground.withEngine({ info: { MemTotal: 2 * 2 ** 30 } });
    expectCause(found, 'memory', {
      found: /of 2\.00 GiB; a container may use 4\.00 GiB/,
      fix: /--memory 1536m/,
    });
  });

  test('that can start no container', async () => {
    const images = [{ Id: 'sha256:1', RepoTags: ['assay-base:latest'], Size: 1, Labels: null, Created: 1 }];
    const create = 'OCI runtime create failed: apparmor failed to apply profile: permission denied';
    const found = await ground.withEngine({ images, create });
    expectCause(found, 'trial', {
      found: /no container starts: .*apparmor/,
      fix: /AppArmor, SELinux, seccomp/,
    });
  });

  test('with containers of a run that crashed', async () => {
    const Labels = { 'assay.host': hostname(), 'assay.pid': '4194304', 'assay.started': '1' };
    const found = await ground.withEngine({ containers: [{ Id: 'a', Labels }] });
    expectCause(found, 'leftovers', {
      status: 'warn',
      found: /^1 containers of runs that crashed/,
      fix: /assay gc/,
    });
  });
});

await describeWithDocker('a real engine', ({ image }) => {
  test('starts a container with the bounds of an attempt, and keeps none', async () => {
    const DOCKER_HOST = process.env['DOCKER_HOST'] ?? '';
    const { names, lines } = await ground.doctor({ env: { DOCKER_HOST } });
    expect(names).toEqual(CHECKS);
    expect(lines['engine']).toMatchObject({
      status: 'ok',
      found: expect.stringMatching(/^docker \S+, API 1\.\d+, at /),
    });
    // The engine may have other images of ours.
    const started = expect.stringMatching(
      /^a container of \S+ starts, without network, with bounded memory$/,
    );
    expect([image, lines['trial']]).toEqual([image, { check: 'trial', status: 'ok', found: started }]);
    const list = spawnSync('docker', ['ps', '-aq', '--filter', 'label=assay.run=doctor'], {
      encoding: 'utf8',
    });
    expect(list.stdout ?? '').toBe('');
  });
});

describe('assay eval', () => {
  test('names doctor where no attempt could be judged, and where no engine answers', async () => {
    const run = (DOCKER_HOST: string, id: string) =>
      assay(['eval', 'sample', '--gold', '-n', '1', '--engine', 'docker', '--retries', '0', '--run-id', id], {
        ...{ cwd: ground.cwd, cache: ground.cache, env: { DOCKER_HOST } },
      });
    const failed = await run(`tcp://${ground.healthy}`, 'a');
    expect(failed).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('`assay doctor sample` says what'),
    });
    const unreached = await run(`unix://${ground.work}/none.sock`, 'b');
    expect(unreached).toMatchObject({ code: 3, stderr: expect.stringContaining('`assay doctor` says what') });
  });
});
