import { request } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import { AssayError } from '../../../src/errors.js';
import { errorOf, eventually, lifeOfAContainer, run, SPEC, withFake } from './scenario.js';

const never = new AbortController().signal;

describe('containers', () => {
  test('are created with the limits, without network, new privileges, needless capabilities and log', async () => {
    await withFake({}, async (engine, fake) => {
      const limits = { memoryBytes: 5e8, cpus: 1.5, pids: 99, network: false, capAdd: ['SYS_PTRACE'] };
      await engine.containers.start({ ...SPEC, limits }, never);
      const [made] = fake.containers();
      expect(made).toMatchObject({ name: SPEC.name, image: SPEC.image, running: true });
      expect(made?.labels).toMatchObject(SPEC.labels);
      expect(made?.config).toMatchObject({
        Entrypoint: ['/bin/sh', '-c', expect.stringContaining('while')],
        StopSignal: 'SIGKILL',
        HostConfig: {
          NetworkMode: 'none',
          SecurityOpt: ['no-new-privileges'],
          CapDrop: expect.arrayContaining(['NET_RAW', 'MKNOD', 'SYS_CHROOT']),
          CapAdd: ['SYS_PTRACE'],
          Memory: 5e8,
          MemorySwap: 5e8,
          NanoCpus: 1.5e9,
          PidsLimit: 99,
          LogConfig: { Type: 'none' },
        },
      });
    });
  });

  test('get the default network only when it is allowed', async () => {
    await withFake({}, async (engine, fake) => {
      await engine.containers.start({ ...SPEC, limits: { ...SPEC.limits, network: true } }, never);
      expect(fake.containers()[0]?.config['HostConfig']).not.toHaveProperty('NetworkMode');
    });
  });

  test('give output, exit code and the files that were put in', async () => {
    const files: [string, string][] = [];
    const program = (argv: readonly string[], held: ReadonlyMap<string, string>) => {
      files.push(...held);
      return { stdout: `ran ${argv.join(' ')}\n`, stderr: 'oops\n', exitCode: 3 };
    };
    await withFake({ run: program }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      await container.put([{ path: '/assay/eval.sh', content: 'echo é' }], never);
      expect(await run(container, ['bash', '/assay/eval.sh'], never)).toEqual({
        exitCode: 3,
        oomKilled: false,
        stdout: 'ran bash /assay/eval.sh\noops\n',
      });
      expect(files).toEqual([['/assay/eval.sh', 'echo é']]);
    });
  });

  test('wait for output that is still being taken in', async () => {
    await withFake({ run: () => ({ stdout: 'x'.repeat(3e6) }) }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      let busy = 0;
      let taken = 0;
      await container.exec({
        argv: ['x'],
        signal: never,
        onOutput: async (bytes) => {
          expect(++busy).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 1));
          taken += bytes.length;
          busy--;
        },
      });
      expect(taken).toBe(3e6);
    });
  });

  test('report an exit code that the engine knows late', async () => {
    await withFake({ run: () => ({ exitCode: 5 }), lateExitCodes: 3 }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      expect(await run(container, ['x'], never)).toMatchObject({ exitCode: 5 });
    });
  });

  test('report a kill for memory, also when the exit code hides it', async () => {
    const program = (argv: readonly string[]) =>
      argv[0] === 'greedy' ? { exitCode: 0, oom: true } : { exitCode: 137 };
    await withFake({ run: program }, async (engine) => {
      const innocent = await engine.containers.start(SPEC, never);
      expect(await run(innocent, ['killed'], never)).toMatchObject({ exitCode: 137, oomKilled: false });
      const container = await engine.containers.start({ ...SPEC, name: 'other' }, never);
      expect(await run(container, ['greedy'], never)).toMatchObject({ exitCode: 0, oomKilled: true });
      expect(await run(innocent, ['killed'], never)).toMatchObject({ oomKilled: false });
    });
  });

  test('whose output is cut at the end of a frame are an error, whatever the exit code', async () => {
    await withFake({ run: () => ({ stdout: 'half of it\n', cut: true }) }, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      expect(await errorOf(run(container, ['x'], never))).toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('cut before the output ended'),
      });
    });
  });

  test('that somebody kills while a command runs are an error, not an exit code', async () => {
    await withFake({ run: () => new Promise(() => {}) }, async (engine, fake) => {
      const container = await engine.containers.start(SPEC, never);
      expect(await container.isBusy(never)).toBe(false);
      const failure = errorOf(run(container, ['x'], never));
      await eventually(() => fake.calls().includes('execStart'));
      expect(await container.isBusy(never)).toBe(true);
      request({
        socketPath: fake.socketPath,
        method: 'POST',
        path: `/containers/${container.id}/kill`,
      }).end();
      expect(await failure).toMatchObject({
        code: 'engine_failed',
        message: expect.stringContaining('ended from outside'),
      });
      expect(await container.isBusy(never)).toBe(false);
    });
  });

  test('stop waiting at once on an abort, with its reason, and leave no connection', async () => {
    await withFake({ run: () => new Promise(() => {}) }, async (engine, fake) => {
      const container = await engine.containers.start(SPEC, never);
      const controller = new AbortController();
      const reason = new AssayError('phase_timeout', 'the test phase took too long');
      const running = errorOf(run(container, ['sleep', '1000'], controller.signal));
      await eventually(() => fake.calls().includes('execStart'));
      controller.abort(reason);
      expect(await running).toBe(reason);
      await container.destroy();
      await engine.close();
      await eventually(() => fake.connections() === 0);
      expect(fake.connections()).toBe(0);
      expect(fake.containers()).toEqual([]);
    });
  });

  test('that clash by name get another one, and the first lives on', async () => {
    await withFake({}, async (engine, fake) => {
      const first = await engine.containers.start(SPEC, never);
      const second = await engine.containers.start(SPEC, never);
      expect(fake.containers().map(({ name }) => name)).toEqual(['assay-test', 'assay-test-2']);
      await second.destroy();
      expect(fake.containers().map(({ id }) => id)).toEqual([first.id]);
    });
  });

  test.each([
    [100, 101, true],
    [100, 100, false],
    [undefined, 101, false],
    [100, undefined, false],
  ])(
    'that may write %p bytes and have written %p are over their limit: %p',
    async (diskBytes, written, over) => {
      await withFake({ written }, async (engine) => {
        const limits = { ...SPEC.limits, diskBytes };
        const container = await engine.containers.start({ ...SPEC, limits }, never);
        expect(await container.isOverDisk(never)).toBe(over);
      });
    },
  );

  test('can be destroyed twice', async () => {
    await withFake({}, async (engine, fake) => {
      const container = await engine.containers.start(SPEC, never);
      await Promise.all([container.destroy(), container.destroy()]);
      await container.destroy();
      expect(fake.calls().filter((call) => call === 'remove')).toHaveLength(1);
    });
  });

  test('are reaped by label when they are orphans', async () => {
    await withFake({}, async (engine, fake) => {
      const start = (name: string, labels: Record<string, string>) =>
        engine.containers.start({ ...SPEC, name, labels }, never);
      const dead = await start('a', { run: '1', pid: '10' });
      await start('b', { run: '1', pid: '11' });
      await start('c', { run: '2', pid: '10' });
      expect(await engine.containers.reap({ run: '1' }, ({ pid }) => pid === '10')).toEqual([dead.id]);
      expect(fake.containers().map(({ name }) => name)).toEqual(['b', 'c']);
    });
  });

  test('of an image that is not there are image_missing', async () => {
    await withFake({}, async (engine) => {
      const error = await errorOf(engine.containers.start({ ...SPEC, image: 'nope:1' }, never));
      expect(error).toMatchObject({ code: 'image_missing', message: expect.stringContaining('nope:1') });
    });
  });

  test('refuse a file whose path is not absolute or leads upwards', async () => {
    await withFake({}, async (engine) => {
      const container = await engine.containers.start(SPEC, never);
      for (const path of ['eval.sh', '/a/../b', '/a/', '/a\0b']) {
        const error = await errorOf(container.put([{ path, content: '' }], never));
        expect(error).toMatchObject({ code: 'internal' });
      }
    });
  });

  test('that the kernel emptied are said to be out of memory, not a broken engine', async () => {
    await withFake({ run: () => ({ oom: true }) }, async (engine) => {
      expect(await lifeOfAContainer(engine, never)).toMatchObject({ oomKilled: true });
    });
  });
});
