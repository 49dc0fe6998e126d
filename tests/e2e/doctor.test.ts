import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { which } from '../../src/engine/local/tools.js';
import { assay } from '../helpers/cli.js';
import { type Answer, type Diagnosis, diagnose, engineWith, type Malady, serve } from '../helpers/doctor.js';

const CHECKS = [
  ...[
    'node',
    'git',
    'dataset',
    'hub',
    'clock',
    'engine',
    'platform',
    'storage',
    'limits',
    'seccomp',
    'trial',
  ],
  ...['leftovers', 'images', 'image disk', 'registry', 'runs', 'cache', 'memory', 'workers', 'open files'],
  ...['processes', 'proxy', 'certificates', 'python', 'gpu', 'trainer'],
];
const LOCAL_CHECKS = CHECKS.filter(
  (name) =>
    !['platform', 'storage', 'limits', 'seccomp', 'trial', 'leftovers', 'image disk', 'registry'].includes(
      name,
    ),
);
const isRoot = process.getuid?.() === 0;
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const testAsRoot = isRoot ? test : test.skip;
if (!isRoot)
  process.stderr.write(
    'Skipped set-ups of doctor that only root can make: other users, mounts, control groups.\n',
  );

let work = '';
let cwd = '';
let cache = '';
let servers: Server[] = [];
let healthy = '';

/** Runs doctor on SWE-bench Verified with an engine that is well, and no network, unless told otherwise. */
const doctor = (options: Omit<Parameters<typeof diagnose>[0], 'cwd' | 'cache'> = {}) =>
  diagnose({
    ...{ cwd, cache, args: ['--offline'] },
    ...options,
    env: { DOCKER_HOST: `tcp://${healthy}`, ...options.env },
  });

async function start(answer: Parameters<typeof serve>[0], at?: string): Promise<string> {
  const { server, host } = await serve(answer, at);
  servers.push(server);
  return host;
}
/** An address where a server was, and is no more. */
async function nobody(): Promise<string> {
  const { server, host } = await serve(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return host;
}
const withEngine = async (malady: Malady, args = ['--offline']) =>
  doctor({ args, env: { DOCKER_HOST: `tcp://${await start(engineWith(malady))}` } });

/** The cause stands in that line with a fix, and every other line comes. */
function expectCause(
  found: Diagnosis,
  name: string,
  expected: { readonly status?: 'warn' | 'fail'; readonly found: RegExp; readonly fix: RegExp },
  checks: readonly string[] = CHECKS,
): void {
  expect({ names: found.names, stderr: found.stderr }).toEqual({ names: checks, stderr: expect.any(String) });
  expect(found.lines[name]).toEqual({
    check: name,
    status: expected.status ?? 'fail',
    found: expect.stringMatching(expected.found),
    fix: expect.stringMatching(expected.fix),
  });
  if (expected.status !== 'warn') expect(found.code).toBe(3);
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-doctor-'));
  await chmod(work, 0o755);
});
afterAll(() => rm(work, { recursive: true, force: true }));
beforeEach(async () => {
  const own = await mkdtemp(join(work, 'setup-'));
  await chmod(own, 0o755);
  cwd = join(own, 'work');
  cache = join(own, 'cache');
  await mkdir(cwd);
  await mkdir(cache);
  healthy = await start(engineWith({}));
});
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});

describe('an engine that is not to be reached', () => {
  test('a socket that is not there', async () => {
    const found = await doctor({ env: { DOCKER_HOST: `unix://${work}/none.sock` } });
    expectCause(found, 'engine', {
      found: /DOCKER_HOST=unix:.*none\.sock: .*does not exist/,
      fix: /^Correct DOCKER_HOST, .*Start Docker.*docker context inspect/,
    });
    expect(found.lines['trial']).toMatchObject({ status: 'skip', found: 'no engine answers' });
  });

  testAsRoot('a socket of others', async () => {
    const path = join(cwd, 'docker.sock');
    await start(engineWith({}), path);
    await chmod(path, 0o600);
    const found = await doctor({ under: NOBODY, env: { DOCKER_HOST: `unix://${path}` } });
    expectCause(found, 'engine', { found: /no permission for .*docker\.sock/, fix: /usermod -aG docker/ });
  });

  test('a port that nobody listens on', async () => {
    const found = await doctor({ env: { DOCKER_HOST: 'tcp://127.0.0.1:1' } });
    expectCause(found, 'engine', { found: /nothing listens on 127\.0\.0\.1/, fix: /systemctl start docker/ });
  });

  test('a server of something else', async () => {
    const host = await start(() => ({ body: '<html>It works!</html>' }));
    const found = await doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /is no Docker engine/, fix: /Something else listens there/ });
  });

  test('a server that never answers', async () => {
    const host = await start(() => undefined);
    const found = await doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /no answer in time/, fix: /stuck.*restart/ });
  });

  test('one that answers, and then hangs', async () => {
    const host = await start((path) => (path.startsWith('/_ping') ? { body: 'OK' } : undefined));
    const found = await doctor({ env: { DOCKER_HOST: `tcp://${host}` } });
    expectCause(found, 'engine', { found: /no answer in time to: ask for its/, fix: /stuck/ });
  });

  test('TLS where there is none', async () => {
    const found = await doctor({ env: { DOCKER_HOST: `https://${healthy}` } });
    expectCause(found, 'engine', {
      found: /https:.*(SSL|TLS|EPROTO)/i,
      fix: /no client certificates: forward the socket/,
    });
  });

  test('an address that is none', async () => {
    const found = await doctor({ env: { DOCKER_HOST: 'ssh://me@there' } });
    expectCause(found, 'engine', { found: /not an address of an engine/, fix: /unix:\/\/\/path/ });
  });
});

describe('an engine that answers, and is unfit', () => {
  test('too old', async () => {
    const found = await withEngine({ info: { ServerVersion: '18.09.1' }, version: { ApiVersion: '1.39' } });
    expectCause(found, 'engine', { found: /18\.09\.1, API 1\.39.*too old/, fix: /Update Docker to 20\.10/ });
  });

  test('of another architecture', async () => {
    const found = await withEngine({ version: { Arch: 'arm64' } });
    expectCause(found, 'platform', {
      found: /linux\/arm64: published images are linux\/amd64/,
      fix: /x86-64/,
    });
  });

  test('with Windows containers', async () => {
    const found = await withEngine({ info: { OSType: 'windows' } });
    expectCause(found, 'platform', { found: /windows/, fix: /Switch Docker Desktop to Linux containers/ });
  });

  test('whose clock is an hour ahead', async () => {
    const found = await withEngine({ info: { SystemTime: new Date(Date.now() + 3_600_000).toISOString() } });
    expectCause(found, 'clock', { found: /the engine is 60 min ahead of this machine/, fix: /set-ntp/ });
  });

  test('that copies every layer', async () => {
    const found = await withEngine({ info: { Driver: 'vfs' } });
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
    const found = await withEngine({ info });
    expectCause(found, 'limits', { found: /cgroup v1, rootless: memory of containers/, fix: /Delegate/ });
  });

  test('without a filter of system calls', async () => {
    const found = await withEngine({ info: { SecurityOptions: ['name=seccomp,profile=unconfined'] } });
    expectCause(found, 'seccomp', {
      status: 'warn',
      found: /without a seccomp profile/,
      fix: /seccomp-profile/,
    });
  });

  test('with too little memory for a container', async () => {
    const found = await withEngine({ info: { MemTotal: 2 * 2 ** 30 } });
    expectCause(found, 'memory', {
      found: /of 2\.00 GiB; a container may use 4\.00 GiB/,
      fix: /--memory 1536m/,
    });
  });

  test('that can start no container', async () => {
    const images = [{ Id: 'sha256:1', RepoTags: ['assay-base:latest'], Size: 1, Labels: null, Created: 1 }];
    const create = 'OCI runtime create failed: apparmor failed to apply profile: permission denied';
    const found = await withEngine({ images, create });
    expectCause(found, 'trial', {
      found: /no container starts: .*apparmor/,
      fix: /AppArmor, SELinux, seccomp/,
    });
  });

  test('with containers of a run that crashed', async () => {
    const Labels = { 'assay.host': hostname(), 'assay.pid': '4194304', 'assay.started': '1' };
    const found = await withEngine({ containers: [{ Id: 'a', Labels }] });
    expectCause(found, 'leftovers', {
      status: 'warn',
      found: /^1 containers of runs that crashed/,
      fix: /assay gc/,
    });
  });
});

describe('a network that is not what it seems', () => {
  const hub = (env: Readonly<Record<string, string>>) => doctor({ args: [], env });

  test('a Hub that is not there, and an empty cache', async () => {
    const found = await hub({ HF_ENDPOINT: `http://${await nobody()}` });
    expectCause(found, 'hub', {
      found: /127\.0\.0\.1:\d+ can't be reached: .*ECONNREFUSED/,
      fix: /Check the network.*local/,
    });
  });

  test('a Hub that never answers', async () => {
    const found = await hub({ HF_ENDPOINT: `http://${await start(() => undefined)}` });
    expectCause(found, 'hub', { found: /no answer in 4 s/, fix: /firewall/ });
  });

  test('a token that the Hub does not take', async () => {
    const HF_ENDPOINT = `http://${await start(() => ({ status: 401 }))}`;
    const found = await hub({ HF_ENDPOINT, HF_TOKEN: 'hf_old' });
    expectCause(found, 'hub', {
      found: /answers 401; HF_TOKEN is set/,
      fix: /token is not taken.*unset HF_TOKEN/,
    });
  });

  test('no network allowed, and the dataset is not here', async () => {
    const found = await doctor();
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
    host = await start((path, headers) => {
      if (path.startsWith('/token')) return { body: { token: 't' } };
      const realm = `Bearer realm="http://${host}/token",service="registry"`;
      if (headers['authorization'] !== 'Bearer t')
        return { status: 401, headers: { 'www-authenticate': realm } };
      return granted(path);
    });
    return withEngine({ info: { RegistryConfig: { Mirrors: [`http://${host}/`] } } }, []);
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
    await mkdir(join(cache, '.docker'));
    await writeFile(join(cache, '.docker', 'config.json'), '{"credsStore":"nowhere"}');
    const found = await withRegistry(() => ({}));
    expectCause(found, 'registry', { status: 'warn', found: /login .* can't be read/, fix: /credsStore/ });
  });

  test('a proxy that is not there', async () => {
    const found = await doctor({ args: [], env: { HTTPS_PROXY: 'http://user:secret@127.0.0.1:1' } });
    expectCause(found, 'proxy', {
      found: /HTTPS_PROXY names 127\.0\.0\.1:1.*ECONNREFUSED/,
      fix: /unset HTTPS_PROXY/,
    });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('a proxy for this machine itself', async () => {
    const found = await doctor({ args: [], env: { http_proxy: `http://${healthy}` } });
    expectCause(found, 'proxy', {
      status: 'warn',
      found: /for 127\.0\.0\.1 and localhost, too/,
      fix: /NO_PROXY/,
    });
  });

  test('certificates of a file that is not there', async () => {
    const found = await doctor({ env: { NODE_EXTRA_CA_CERTS: '/none/ca.pem' } });
    expectCause(found, 'certificates', { found: /NODE_EXTRA_CA_CERTS names \/none\/ca\.pem/, fix: /unset/ });
  });
});

describe('a machine that lacks something', () => {
  test('no git on PATH', async () => {
    expectCause(await doctor({ env: { PATH: cwd } }), 'git', { found: /not on PATH/, fix: /Install git/ });
  });

  test('a git that is too old', async () => {
    await writeFile(join(cwd, 'git'), '#!/bin/sh\necho git version 2.17.1\n', { mode: 0o755 });
    const PATH = `${cwd}${delimiter}${process.env['PATH']}`;
    expectCause(await doctor({ env: { PATH } }), 'git', { found: /2\.17\.1 is too old/, fix: /git 2\.29/ });
  });

  test('no python3 for the sample benchmark', async () => {
    for (const name of ['bash', 'git', 'bwrap', 'unshare']) {
      const file = await which(name, process.env['PATH'] ?? '');
      if (file !== undefined) await symlink(file, join(cwd, name));
    }
    const found = await doctor({ args: ['sample'], env: { PATH: cwd } });
    expectCause(found, 'python', { found: /no python3/, fix: /apt install python3.*--repo/ }, LOCAL_CHECKS);
  });

  const withFiles = (count: number) => ['sh', '-c', `ulimit -n ${count}; exec "$@"`, 'sh'];

  test('200 open files', async () => {
    const found = await doctor({ under: withFiles(200) });
    expectCause(found, 'open files', { found: /^200 /, fix: /ulimit -n 4096/ });
  });

  test('64 open files, with which no command can be loaded', async () => {
    const { code, stderr } = await doctor({ under: withFiles(64) });
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringMatching(
        /only 64 files may be open.*\[open_files_limit\]\n {2}-> .*ulimit -n 4096/,
      ),
    });
  });

  testAsRoot('300 processes', async () => {
    const under = ['prlimit', '--nproc=300'];
    expectCause(await doctor({ under }), 'processes', {
      status: 'warn',
      found: /^300 \(ulimit -u\)/,
      fix: /ulimit -u/,
    });
  });

  test('a file where runs go', async () => {
    await writeFile(join(cwd, 'runs'), '');
    expectCause(await doctor(), 'runs', {
      found: /runs is below something that is no folder/,
      fix: /another folder/,
    });
  });

  testAsRoot('folders of somebody else', async () => {
    const found = await doctor({ under: NOBODY });
    expectCause(found, 'runs', { found: /runs is not to be written by this user/, fix: /-o names one/ });
    expectCause(found, 'cache', { found: /cache is not to be written by this user/, fix: /ASSAY_CACHE/ });
  });

  testAsRoot('a cache on a full disk', async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'assay-doctor', cache]);
    try {
      await writeFile(join(cache, 'full'), Buffer.alloc(250 * 1024));
      expectCause(await doctor(), 'cache', {
        found: /on a full disk/,
        fix: /^Free space there, or .*ASSAY_CACHE/,
      });
    } finally {
      execFileSync('umount', [cache]);
    }
  });

  testAsRoot('a control group of 512 MiB', async () => {
    const under = ['sh', '-c', IN_SMALL_GROUP, 'sh'];
    expectCause(await doctor({ under }), 'memory', {
      found: /this process may use 512 MiB only/,
      fix: /docker run --memory.*Slurm/,
    });
  });
});

describe('assay eval', () => {
  test('names doctor where no attempt could be judged, and where no engine answers', async () => {
    const run = (DOCKER_HOST: string, id: string) =>
      assay(['eval', 'sample', '--gold', '-n', '1', '--engine', 'docker', '--retries', '0', '--run-id', id], {
        ...{ cwd, cache, env: { DOCKER_HOST } },
      });
    const failed = await run(`tcp://${healthy}`, 'a');
    expect(failed).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('`assay doctor sample` says what'),
    });
    const unreached = await run(`unix://${work}/none.sock`, 'b');
    expect(unreached).toMatchObject({ code: 3, stderr: expect.stringContaining('`assay doctor` says what') });
  });
});

/** Joins a control group with 512 MiB, of version 1 or 2, that is gone after the command. */
const IN_SMALL_GROUP = `
if [ -d /sys/fs/cgroup/memory ]; then
  group=/sys/fs/cgroup/memory/assay-doctor-test-$$; mkdir $group; echo 536870912 > $group/memory.limit_in_bytes
else
  group=/sys/fs/cgroup/assay-doctor-test-$$; mkdir $group; echo 536870912 > $group/memory.max
fi
(sh -c "echo \\$\\$ > $group/cgroup.procs; exec \\"\\$@\\"" sh "$@"); code=$?
rmdir $group; exit $code`;
