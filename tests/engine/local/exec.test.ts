import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type Bench,
  bash,
  forever,
  makeBench,
  processesWith,
  until,
  usableIsolations,
} from './sandbox-helpers.js';

const isolations = await usableIsolations();

describe.each(isolations)('a command in a local sandbox (%s)', (isolation) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench(isolation);
    await bench.importSample();
  });
  afterAll(() => bench.remove());

  async function inSandbox<T>(
    work: (container: Awaited<ReturnType<Bench['start']>>) => Promise<T>,
  ): Promise<T> {
    const container = await bench.start();
    try {
      return await work(container);
    } finally {
      await container.destroy();
    }
  }

  test('has its exit code passed on, 128 + n for a signal, 127 for a missing program', async () => {
    await inSandbox(async (container) => {
      expect((await bash(container, 'exit 0')).exitCode).toBe(0);
      expect((await bash(container, 'exit 3')).exitCode).toBe(3);
      expect((await bash(container, 'kill -9 $$')).exitCode).toBe(137);
      const missing = await container.exec({
        argv: ['no-such-program'],
        signal: forever,
        onOutput: () => {},
      });
      expect(missing.exitCode).toBe(127);
    });
  });

  test('has stdout and stderr arrive in the order in which they were written', async () => {
    const script = 'for i in $(seq 200); do echo out $i; echo err $i >&2; done';
    const expected = Array.from({ length: 200 }, (_, i) => `out ${i + 1}\nerr ${i + 1}\n`).join('');
    expect((await inSandbox((container) => bash(container, script))).output).toBe(expected);
  });

  test('can open /dev/stdout and /dev/stderr again', async () => {
    const script = `echo one > /dev/stdout; node -e "fs.writeFileSync('/dev/stderr', 'two')"; exit 4`;
    const result = await inSandbox((container) => bash(container, script));
    expect(result).toMatchObject({ output: 'one\ntwo', exitCode: 4 });
  });

  test('sees only the variables that were set for it', async () => {
    process.env['ASSAY_TEST_SECRET'] = 'secret';
    try {
      const { output } = await inSandbox((container) => bash(container, 'exec env'));
      const names = output
        .trim()
        .split('\n')
        .map((line) => line.split('=')[0] ?? '');
      const known = [
        'PATH',
        'HOME',
        'LANG',
        'TZ',
        'TMPDIR',
        'TESTBED',
        'ASSAY_SANDBOX',
        'PWD',
        'OLDPWD',
        'SHLVL',
        '_',
      ];
      expect(names.filter((name) => !known.includes(name))).toEqual([]);
      expect(names).toEqual(expect.arrayContaining(['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'TESTBED']));
      expect(names.includes('ASSAY_SANDBOX')).toBe(isolation !== 'bubblewrap');
    } finally {
      delete process.env['ASSAY_TEST_SECRET'];
    }
  });

  test('finds put files, the tree and the working directory under the names they have in a container', async () => {
    await inSandbox(async (container) => {
      const patch = [
        'diff --git a/lib/sum.js b/lib/sum.js',
        '--- a/lib/sum.js',
        '+++ b/lib/sum.js',
        '@@ -1 +1 @@',
        '-exports.sum = (a, b) => a - b;',
        '+exports.sum = (a, b) => a + b;',
        '',
      ].join('\n');
      const script = 'cd "$TESTBED" && echo "$1" && node -p "require(\'./lib/sum.js\').sum(2, 3)" && pwd';
      await container.put(
        [
          { path: '/tmp/patch.diff', content: patch },
          { path: '/eval.sh', content: script, mode: 0o755 },
        ],
        forever,
      );
      expect((await bash(container, 'git apply --verbose /tmp/patch.diff')).exitCode).toBe(0);
      const output: Uint8Array[] = [];
      await container.exec({
        argv: ['/bin/bash', '/eval.sh', '/testbed/lib'],
        workdir: '/testbed/lib',
        signal: forever,
        onOutput: (chunk) => void output.push(chunk),
      });
      const [argument, sum, pwd] = Buffer.concat(output).toString().trim().split('\n');
      expect(sum).toBe('5');
      expect(argument?.endsWith('/testbed/lib')).toBe(true);
      expect(pwd?.endsWith('/testbed')).toBe(true);
      if (isolation === 'bubblewrap') expect(pwd).toBe('/testbed');
    });
  });

  test('reads its stdin to the end, and none where none is given', async () => {
    await inSandbox(async (container) => {
      const stdin = Readable.from([Buffer.from('one\n'), Buffer.from('x'.repeat(300_000))]);
      const output: Uint8Array[] = [];
      const result = await container.exec({
        argv: ['/bin/bash', '-c', 'read -r line; echo $line; wc -c; exit 3'],
        stdin,
        signal: forever,
        onOutput: (chunk) => void output.push(chunk),
      });
      expect(Buffer.concat(output).toString()).toBe('one\n300000\n');
      expect(result.exitCode).toBe(3);
      expect((await bash(container, 'cat; echo none')).output).toBe('none\n');
    });
  });

  test('ends although its stdin stays open, and ends that', async () => {
    await inSandbox(async (container) => {
      const stdin = new PassThrough();
      stdin.write('x'.repeat(300_000));
      await container.exec({ argv: ['true'], stdin, signal: forever, onOutput: () => {} });
      expect(stdin.destroyed).toBe(true);
    });
  });

  test('is one commit ahead of nothing: the tree is a clean git repository', async () => {
    const { output } = await inSandbox((container) =>
      bash(container, 'git status --porcelain; git rev-list --count HEAD'),
    );
    expect(output).toBe('1\n');
  });

  test('keeps what a background process writes shortly after the end', async () => {
    const { output, exitCode } = await inSandbox((container) =>
      bash(container, 'exec > >(sleep 0.2; cat; echo late); echo early; exit 5'),
    );
    expect({ output, exitCode }).toEqual({ output: 'early\nlate\n', exitCode: 5 });
  });

  test('does not hang on a process that keeps the output open after the end', async () => {
    const before = performance.now();
    const { output, exitCode } = await inSandbox((container) =>
      bash(container, 'sleep 61.25 & echo done; exit 6'),
    );
    expect({ output, exitCode }).toEqual({ output: 'done\n', exitCode: 6 });
    expect(performance.now() - before).toBeLessThan(8000);
    expect(await until(async () => (await processesWith('61.25')).length === 0)).toBe(true);
  });

  test('is killed as a tree on abort, which rejects with the reason within a second', async () => {
    await inSandbox(async (container) => {
      const stop = new AbortController();
      const script = 'setsid sleep 62.25 & sleep 62.25 & (trap "" TERM INT; sleep 62.25)';
      const exec = bash(container, script, stop.signal);
      exec.catch(() => undefined);
      expect(await until(async () => (await processesWith('62.25')).length >= 3)).toBe(true);
      const reason = new Error('enough');
      const from = performance.now();
      stop.abort(reason);
      await expect(exec).rejects.toBe(reason);
      expect(performance.now() - from).toBeLessThan(1000);
      expect(await until(async () => (await processesWith('62.25')).length === 0, 1000)).toBe(true);
      expect((await bash(container, 'echo still usable')).output).toBe('still usable\n');
    });
  });

  test('does not start when the signal was aborted before', async () => {
    await inSandbox(async (container) => {
      await expect(bash(container, 'touch started', AbortSignal.abort(new Error('no')))).rejects.toThrow(
        'no',
      );
      expect((await bash(container, 'ls')).output).not.toContain('started');
    });
  });

  test('waits while its reader is busy, and 100 MB arrive whole', async () => {
    const container = await bench.start();
    const written = join(bench.cacheDir, 'workspaces', container.id, 'root', 'testbed', 'written');
    const exists = () =>
      access(written).then(
        () => true,
        () => false,
      );
    let size = 0;
    let busy = 0;
    let wasWrittenEarly: boolean | undefined;
    const { exitCode } = await container.exec({
      argv: ['/bin/bash', '-c', 'head -c 100000000 /dev/zero; touch written'],
      signal: forever,
      onOutput: async (chunk) => {
        expect(++busy).toBe(1);
        if (size === 0) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          wasWrittenEarly = await exists();
        }
        size += chunk.length;
        busy--;
      },
    });
    expect({ exitCode, size, wasWrittenEarly }).toEqual({
      exitCode: 0,
      size: 100_000_000,
      wasWrittenEarly: false,
    });
    await container.destroy();
  });

  test("is ended when its reader fails, with the reader's error", async () => {
    await inSandbox(async (container) => {
      const failing = container.exec({
        argv: ['/bin/bash', '-c', 'echo x; sleep 63.25'],
        signal: forever,
        onOutput: () => Promise.reject(new Error('disk of the reader is full')),
      });
      await expect(failing).rejects.toThrow('disk of the reader is full');
      expect(await until(async () => (await processesWith('63.25')).length === 0)).toBe(true);
    });
  });

  test('may run beside another one in the same sandbox', async () => {
    await inSandbox(async (container) => {
      const both = await Promise.all([
        bash(container, 'sleep 0.2; echo a'),
        bash(container, 'sleep 0.2; echo b'),
      ]);
      expect(both.map(({ output }) => output)).toEqual(['a\n', 'b\n']);
    });
  });
});
