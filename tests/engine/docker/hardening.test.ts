import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runTests } from '../../../src/container/test-log.js';
import type { Container, ContainerSpec } from '../../../src/engine/engine.js';
import { dockerArchive } from '../../fixtures/engine/docker-archive.js';
import { describeWithDocker } from '../../helpers/docker.js';
import { testClock } from '../../helpers/jobs.js';
import { run } from './scenario.js';

const never = new AbortController().signal;
const LABELS = { 'assay.test': `hardening-${process.pid}` };
const LIMITS = {
  ...{ memoryBytes: 128 * 2 ** 20, cpus: 1.5, pids: 64, network: false, capAdd: [] },
  diskBytes: 50 * 2 ** 20,
};

/** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID: their bits in capability.h. */
const CAPABILITIES = [0, 1, 3, 4, 5, 6, 7].reduce((bits, bit) => bits + 2 ** bit, 0);

await describeWithDocker('what a patch finds in a real container', ({ engine, image }) => {
  const asNobody = `assay-test-nobody-${process.pid}:latest`;
  let container: Container;
  let count = 0;

  const start = (spec: Partial<ContainerSpec> = {}) =>
    engine.containers.start(
      {
        ...{ image, labels: LABELS, limits: LIMITS, ...spec },
        name: `assay-hardening-test-${process.pid}-${++count}`,
      },
      never,
    );
  const sh = async (script: string, where = container) =>
    (await run(where, ['bash', '-c', script], never)).stdout.trim();

  beforeAll(async () => {
    container = await start();
  });
  afterAll(async () => {
    await engine.containers.reap(LABELS, () => true);
    await engine.images.remove(asNobody);
    await engine.close();
  });

  test('is no new privilege, a filter of system calls, and seven capabilities', async () => {
    const status = await sh('cat /proc/self/status');
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
    expect([field('NoNewPrivs'), field('Seccomp')]).toEqual(['1', '2']);
    for (const name of ['CapEff', 'CapPrm', 'CapBnd'])
      expect([name, Number(`0x${field(name)}`)]).toEqual([name, CAPABILITIES]);
    expect(Number(`0x${field('CapAmb')}`)).toBe(0);
  });

  test('is no network but itself', async () => {
    const up = 'for i in /sys/class/net/*; do (( $(<$i/flags) & 1 )) && basename $i; done';
    expect(await sh(up)).toBe('lo');
    expect(await sh('tail -n +2 /proc/net/route')).toBe('');
  });

  test('is no socket of an engine, no folder and no device of the machine', async () => {
    expect(await sh('find / -xdev -type s 2>/dev/null')).toBe('');
    const mounts = (await sh('cut -d" " -f5- /proc/self/mountinfo'))
      .split('\n')
      .filter((line) => !/ - (overlay|proc|tmpfs|devpts|sysfs|cgroup2?|mqueue) /.test(line))
      .map((line) => line.split(' ')[0]);
    expect(mounts.filter((path) => path?.startsWith('/etc/')).sort()).toEqual([
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
    ]);
    // Besides, the engine's own first process.
    expect(mounts.filter((path) => !path?.startsWith('/etc/')).length).toBeLessThanOrEqual(1);
    expect(await sh('find /dev -type b')).toBe('');
    expect(await sh('mknod /tmp/disk b 8 0 2>&1 || echo refused')).toMatch(/refused$/);
    expect(await sh('mount -t tmpfs none /mnt 2>&1 || echo refused')).toMatch(/refused$/);
    expect(await sh('echo 1 2>&1 >/proc/sys/kernel/panic || echo refused')).toMatch(/refused$/);
  });

  test('is nothing of the environment of the caller', async () => {
    const names = (await sh('env')).split('\n').map((line) => line.split('=')[0] ?? '');
    const own = ['PATH', 'HOME', 'HOSTNAME', 'PWD', 'SHLVL', '_', 'OLDPWD'];
    const { config } = (await engine.images.inspect(image, never)) ?? {};
    const ofImage = config?.env.map((line) => line.split('=')[0]) ?? [];
    expect(names.filter((name) => !own.includes(name) && !ofImage.includes(name))).toEqual([]);
  });

  test('are the limits of the run: memory without swap, CPU, processes, files', async () => {
    const bytes = `${LIMITS.memoryBytes}`;
    if ((await sh('ls /sys/fs/cgroup')).split('\n').includes('memory.max')) {
      const said = await sh('cd /sys/fs/cgroup; cat memory.max memory.swap.max pids.max cpu.max');
      expect(said).toBe(`${bytes}\n0\n64\n150000 100000`);
    } else {
      const said = await sh(
        'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us',
      );
      expect(said).toBe(`${bytes}\n${bytes}\n64\n150000`);
    }
    // Cores in blocks, files in units of 1 KiB.
    expect(await sh('ulimit -Hc; ulimit -Hf')).toBe(`0\n${32 * 2 ** 20}`);
    expect(await sh('ulimit -f 100000000 2>&1 || echo refused')).toMatch(/refused$/);
  });

  test('is a disk limit: tests that pass it are ended', async () => {
    const used = await start();
    await used.put(
      [{ path: '/eval.sh', content: 'head -c 20M /dev/zero >/small; echo small; read -t 2' }],
      never,
    );
    const options = {
      ...{ workdir: '/', seconds: 3000, clock: testClock(50), signal: never },
      sink: { write: () => {}, end: async () => {} },
    };
    expect(await runTests(used, options)).toMatchObject({ ended: 'exited', log: 'small\n' });
    await used.put(
      [{ path: '/eval.sh', content: 'head -c 200M /dev/zero >/big; echo big; sleep 100' }],
      never,
    );
    const began = performance.now();
    expect(await runTests(used, options)).toMatchObject({ ended: 'disk_limit', exitCode: null });
    expect(performance.now() - began).toBeLessThan(30_000);
    await used.destroy();
  });

  test('is the user that the image names, who can read and run what we put there, and no root', async () => {
    const { layers = [] } = (await engine.images.inspect(image, never)) ?? {};
    const below = layers.map((diffId) => ({ diffId }));
    const archive = await dockerArchive({ ref: asNobody, layers: below, labels: LABELS, user: 'nobody' });
    await engine.images.load(archive, { signal: never });
    const files = [
      { path: '/eval.sh', content: '#!/bin/bash\nid -un; cat /tmp/patch.diff', mode: 0o755 },
      { path: '/tmp/patch.diff', content: 'the patch' },
    ];

    const started = await start({ image: asNobody });
    await started.put(files, never);
    expect(
      await sh('bash /eval.sh; /eval.sh >/dev/null && echo; touch /tmp/mine && echo mine', started),
    ).toBe('nobody\nthe patch\nmine');
    expect(await sh('touch /etc/x /eval.sh /tmp/patch.diff 2>&1 | grep -c denied', started)).toBe('3');
    expect(
      await sh('grep -E "^Cap(Eff|Prm|Amb)" /proc/self/status | grep -vc "0000000000000000$"', started),
    ).toBe('0');

    const asRoot = await start({ image: asNobody, asRoot: true });
    expect(await sh('id -u', asRoot)).toBe('0');
    expect(await sh('id -u')).toBe('0');
    await Promise.all([started.destroy(), asRoot.destroy()]);
  });
});
