import { PassThrough, Readable } from 'node:stream';
import { afterAll, expect, test } from '@jest/globals';
import type { Container } from '../../../src/engine/engine.js';
import { dockerArchive } from '../../fixtures/engine/docker-archive.js';
import { describeWithDocker } from '../../helpers/docker.js';
import { errorOf, run } from './scenario.js';

const never = new AbortController().signal;
const LABELS = { 'assay.test': `real-${process.pid}` };

await describeWithDocker('a real Docker engine', ({ engine, image }) => {
  const tag = `assay-test-list-${process.pid}:latest`;
  let count = 0;

  const start = (network = false) =>
    engine.containers.start(
      {
        image,
        name: `assay-real-test-${process.pid}-${++count}`,
        labels: LABELS,
        limits: { memoryBytes: 128 * 2 ** 20, cpus: 1, pids: 64, network, capAdd: [] },
      },
      never,
    );
  const sh = (container: Container, script: string, signal = never) =>
    run(container, ['sh', '-c', script], signal);
  async function withContainer(use: (container: Container) => Promise<void>): Promise<void> {
    const container = await start();
    try {
      await use(container);
    } finally {
      await container.destroy();
    }
  }

  afterAll(async () => {
    await engine.containers.reap(LABELS, () => true);
    await engine.images.remove(tag);
    await engine.close();
  });

  test('passes stdin to a command to its end, and ends although stdin stays open', async () => {
    await withContainer(async (container) => {
      let output = '';
      const onOutput = (bytes: Uint8Array) => {
        output += Buffer.from(bytes).toString();
      };
      const finite = Readable.from([Buffer.from('one\n'), Buffer.from('x'.repeat(300_000))]);
      const argv = ['sh', '-c', 'read -r line; echo $line; wc -c; exit 3'];
      const result = await container.exec({ argv, stdin: finite, signal: never, onOutput });
      expect({ output, exitCode: result.exitCode }).toEqual({ output: 'one\n300000\n', exitCode: 3 });
      const open = new PassThrough();
      open.write('x'.repeat(300_000));
      expect((await container.exec({ argv: ['true'], stdin: open, signal: never, onOutput })).exitCode).toBe(
        0,
      );
      expect(open.destroyed).toBe(true);
    });
  });

  test('runs a command with its environment, folder, output and exit code', async () => {
    await withContainer(async (container) => {
      let stdout = '';
      const result = await container.exec({
        argv: ['sh', '-c', 'echo "$GREETING from $(pwd)"; id -u; exit 7'],
        workdir: '/tmp',
        env: { GREETING: 'hello' },
        signal: never,
        onOutput: (bytes) => {
          stdout += Buffer.from(bytes).toString();
        },
      });
      expect({ stdout, ...result }).toEqual({
        stdout: 'hello from /tmp\n0\n',
        exitCode: 7,
        oomKilled: false,
      });
    });
  });

  test('gives 20 MB of output in full', async () => {
    await withContainer(async (container) => {
      const { stdout } = await sh(container, 'yes out | head -c 20000000');
      expect(stdout.length).toBe(20_000_000);
      expect(stdout === 'out\n'.repeat(5_000_000)).toBe(true);
    });
  });

  test('gives both streams in the order of writing', async () => {
    await withContainer(async (container) => {
      const script = 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done';
      const expected = Array.from({ length: 9 }, (_, i) => `out ${i + 1}\nerr ${i + 1}\n`).join('');
      for (let round = 0; round < 10; round++) expect((await sh(container, script)).stdout).toBe(expected);
    });
  });

  test('puts files with their mode and makes their folders, without touching those that exist', async () => {
    await withContainer(async (container) => {
      await container.put(
        [
          { path: '/assay/deep/run.sh', content: '#!/bin/sh\necho ran\n', mode: 0o755 },
          { path: `/tmp/${'long-name-'.repeat(20)}`, content: new Uint8Array([0, 255]) },
        ],
        never,
      );
      const { stdout } = await sh(
        container,
        '/assay/deep/run.sh; stat -c "%a %u %g %Y" /assay/deep/run.sh; stat -c %a /assay/deep /tmp; cat /tmp/long* | wc -c',
      );
      expect(stdout).toBe('ran\n755 0 0 946684800\n755\n1777\n2\n');
    });
  });

  test('says when the kernel killed a process for memory, whatever the exit code', async () => {
    await withContainer(async (container) => {
      expect(await sh(container, 'kill -9 $$')).toMatchObject({ exitCode: 137, oomKilled: false });
      expect(await sh(container, 'tail /dev/zero; true')).toMatchObject({ exitCode: 0, oomKilled: true });
    });
  });

  test('limits the number of processes', async () => {
    await withContainer(async (container) => {
      const { exitCode, stdout } = await sh(container, 'for i in $(seq 200); do sleep 5 & done');
      expect(exitCode).not.toBe(0);
      expect(stdout).toMatch(/fork|resource/i);
    });
  });

  test('outlives a command that kills all it can, and takes in orphans', async () => {
    await withContainer(async (container) => {
      const signals = 'for s in HUP INT TERM KILL; do kill -$s 1; done';
      expect(await sh(container, `${signals}; kill -9 -1`)).toMatchObject({ exitCode: 137 });
      const zombies = '(sleep 0.1 &); sleep 0.5; cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "';
      expect(await sh(container, zombies)).toMatchObject({ stdout: '0\n' });
    });
  });

  test('stops waiting at once on an abort, and destroy kills what ran', async () => {
    await withContainer(async (container) => {
      const began = performance.now();
      await errorOf(sh(container, 'echo begun; sleep 1000', AbortSignal.timeout(500)));
      expect(performance.now() - began).toBeLessThan(5000);
      await container.destroy();
      expect(performance.now() - began).toBeLessThan(20_000);
      expect(await errorOf(sh(container, 'true'))).toMatchObject({ code: 'engine_failed' });
    });
  });

  test('leaves nothing behind when a start is aborted at any moment', async () => {
    for (const ms of [0, 5, 20, 60, 120, 250]) {
      const limits = { memoryBytes: 128 * 2 ** 20, cpus: 1, pids: 64, network: false, capAdd: [] };
      const labels = { ...LABELS, abort: String(ms) };
      const spec = { image, name: `assay-abort-test-${process.pid}-${ms}`, labels, limits };
      await engine.containers.start(spec, AbortSignal.timeout(ms)).then(
        (container) => container.destroy(),
        () => {},
      );
      expect(await engine.containers.reap(labels, () => true)).toEqual([]);
    }
  });

  test('a command that does not exist has exit code 126 or 127', async () => {
    await withContainer(async (container) => {
      const { exitCode } = await run(container, ['no-such-command'], never);
      expect([126, 127]).toContain(exitCode);
    });
  });

  test('lists, inspects and removes an image', async () => {
    const archive = await dockerArchive({ ref: tag, layers: [{ made: 'here' }], labels: LABELS });
    await engine.images.load(archive, { signal: never });
    const made = await engine.images.inspect(tag, never);
    expect(made).toMatchObject({ ref: tag, labels: LABELS, digest: expect.stringMatching(/^sha256:/) });
    expect(await engine.images.list(LABELS)).toMatchObject([{ ref: tag, id: made?.id, labels: LABELS }]);
    await engine.images.remove(tag);
    expect(await engine.images.inspect(tag, never)).toBeUndefined();
    expect(await engine.images.list(LABELS)).toEqual([]);
  });
});
