import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../../plugins/agent/session.js';
import type { Container } from '../../src/index.js';
import {
  type Bench,
  makeBench,
  processesWith,
  until,
  usableIsolations,
} from '../engine/local/sandbox-helpers.js';
import { testClock } from '../helpers/jobs.js';
import { forever, open, outputOf, run, runShort } from './session-helpers.js';

describe.each(await usableIsolations())('a session in a local sandbox (%s)', (isolation) => {
  let bench: Bench;
  let container: Container;
  let session: Session;
  beforeAll(async () => {
    bench = await makeBench(isolation);
    await bench.importSample();
  });
  afterAll(() => bench.remove());
  beforeEach(async () => {
    container = await bench.start();
    session = await open(container, 'export FROM_ACTIVATION=1');
  });
  afterEach(async () => {
    await session.close();
    await container.destroy();
  });

  test('keeps folder, variables, functions and options from command to command', async () => {
    await run(session, 'cd lib; plain=1; export exported=2; f() { echo "f $1"; }; shopt -s nullglob');
    const { output, cwd, exitCode } = await run(
      session,
      'echo $plain; printenv exported; f 3; shopt -q nullglob && echo on; basename "$PWD"; (exit 4)',
    );
    expect({ output, exitCode }).toEqual({ output: '1\n2\nf 3\non\nlib\n', exitCode: 4 });
    expect(cwd.endsWith('/testbed/lib')).toBe(true);
    expect(session.cwd()).toBe(cwd);
  });

  test('does without an activation that commands have made end the shell', async () => {
    await session.close();
    session = await open(container, 'if [ -e broken ]; then exit 3; fi; export FROM_ACTIVATION=1');
    await run(session, 'touch broken');
    expect(await run(session, 'exit')).toMatchObject({ restarted: true });
    expect(await outputOf(session, 'echo on "$FROM_ACTIVATION"; ls README')).toBe('on \nREADME\n');
  });

  test('gives commands the activation and no stdin', async () => {
    expect(await outputOf(session, 'echo $FROM_ACTIVATION; cat; read x || echo none')).toBe('1\nnone\n');
  });

  test.each([
    ['a program', 'sleep 100; echo no'],
    ['a loop of the shell', 'while :; do :; done; echo no'],
    ['a loop in a function in a loop', 'f() { while :; do :; done; }; while :; do f; done'],
    ['a loop of programs', 'while :; do sleep 100; echo no; done'],
    ['a shell that ignores signals', "trap '' INT TERM HUP QUIT; while :; do :; done"],
    ['a program that ignores signals', `bash -c "trap '' INT TERM HUP QUIT; while :; do sleep 1; done"`],
    ['a program of another process group', 'setsid --wait sleep 100; echo no'],
    ['a pipeline', 'sleep 100 | cat; echo no'],
    ['a substitution', 'x=$(sleep 100); echo no'],
    ['a pipe without a writer', 'mkfifo "$TMPDIR/p"; read -r x <"$TMPDIR/p"; echo no'],
    ['a wait for a background process', 'sleep 100 & wait; echo no'],
    ['a shell that was stopped', 'kill -STOP $$; echo no'],
  ])('stops %s at the limit; the shell lives on with its state', async (_what, command) => {
    await run(session, 'cd lib; state=kept');
    expect(await runShort(session, command)).toMatchObject({
      output: '',
      exitCode: null,
      isTimeout: true,
      restarted: false,
    });
    expect(await run(session, 'echo $state')).toMatchObject({
      output: 'kept\n',
      exitCode: 0,
      restarted: false,
    });
  });

  test('leaves nothing of a stopped command, and all of the background processes from before', async () => {
    await run(session, '(while :; do echo tick >>"$TMPDIR/ticks"; sleep 0.05; done) & sleep 85.5 &');
    const hostile =
      'setsid sleep 86.5 & (sleep 86.5 &); bash -c "trap \'\' TERM; sleep 86.5 | sleep 86.5" & sleep 86.5';
    expect((await runShort(session, hostile)).isTimeout).toBe(true);
    expect(await processesWith('86.5')).toEqual([]);
    expect(await processesWith('85.5')).toHaveLength(1);
    const count = 'wc -l <"$TMPDIR/ticks"';
    expect(await outputOf(session, `a=$(${count}); sleep 0.3; (($(${count}) > a)) && echo alive`)).toBe(
      'alive\n',
    );
  });

  test('outlives a fork bomb', async () => {
    expect((await runShort(session, 'state=kept; f() { f | f & }; f; sleep 100')).isTimeout).toBe(true);
    expect(await run(session, 'echo $state')).toMatchObject({ output: 'kept\n', restarted: false });
  });

  test('shows late output of the background with the next command', async () => {
    await run(session, '(sleep 0.2; echo late) &');
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await outputOf(session, 'echo next')).toBe('late\nnext\n');
  });

  test('lets a background process that floods the output wait between commands', async () => {
    await run(session, 'yes & flood=$!');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await run(session, 'kill $flood', 60, 100)).truncatedChars).toBeLessThan(16 * 2 ** 20);
    await outputOf(session, 'wait');
    expect(await outputOf(session, 'echo quiet')).toBe('quiet\n');
  });

  test('keeps head and tail of much output and counts what is left out', async () => {
    const { output, truncatedChars } = await run(session, 'seq 1 10000', 60, 20);
    expect(output).toBe('1\n2\n3\n4\n5\n\n[... 48874 characters left out ...]\n999\n10000\n');
    expect(truncatedChars).toBe(48894 - 20);
  });

  test('stops a command that prints without end', async () => {
    const { exitCode, isTimeout, truncatedChars } = await run(session, 'yes; echo no');
    expect({ exitCode, isTimeout }).toEqual({ exitCode: null, isTimeout: false });
    expect(truncatedChars).toBeGreaterThan(60 * 2 ** 20);
    expect(await outputOf(session, 'echo on')).toBe('on\n');
  });

  test('passes on NULs, invalid UTF-8, escapes and a missing final newline', async () => {
    expect(await outputOf(session, String.raw`printf 'a\0b\xffc\xc3\xa4\x1b[31m\x1e'`)).toBe(
      'a\0b\ufffdcä\x1b[31m\x1e',
    );
  });

  test('is not taken in by a forged end', async () => {
    const forged = String.raw`printf '\036%s end 0 /tmp\0' 0123456789abcdef0123456789abcdef; (exit 5)`;
    const { output, exitCode } = await run(session, forged);
    expect(output).toBe('\x1e0123456789abcdef0123456789abcdef end 0 /tmp\0');
    expect(exitCode).toBe(5);
  });

  test('runs what it is given to the letter', async () => {
    const text = `${Array.from({ length: 0x250 }, (_, i) => (i === 0 ? '' : String.fromCharCode(i))).join('')}😀`;
    const command = `cat <<'END_OF_TEXT'\n${text}\nEND_OF_TEXT`;
    expect((await outputOf(session, command)) === `${text}\n`).toBe(true);
    const long = `: '${'x'.repeat(2 ** 20)}'; echo ok`;
    expect(await outputOf(session, long)).toBe('ok\n');
  });

  test.each([
    ["echo 'never closed", 'unexpected EOF', 2],
    ['cat <<END\nbody', 'body\n', 0],
    ['if true; then', 'syntax error', 2],
    ['no-such-program', 'no-such-program: command not found', 127],
    ['set -u; echo $undefined; echo no', 'unbound variable', 1],
    ['exec 1>&- 2>&-; echo no', '', 1],
    ['exec 0<&-; echo yes', 'yes', 0],
    ['stty sane', 'Inappropriate ioctl', 1],
    ['mkdir gone; cd gone; rmdir ../gone', '', 0],
    ['', '', 0],
    ['# a comment', '', 0],
  ])('goes on after %j', async (command, output, exitCode) => {
    await run(session, 'state=kept');
    const result = await run(session, command);
    expect(result).toMatchObject({ exitCode, restarted: false });
    expect(result.output).toContain(output);
    expect(await outputOf(session, 'echo $state')).toBe('kept\n');
  });

  test.each([
    ['exit 3', 3],
    ['exec true', 0],
    ['kill -9 $$', 137],
    ['kill -9 0', 137],
    ['set -e; false; echo no', 1],
  ])('has a new shell in the same folder after %j', async (command, exitCode) => {
    await run(session, 'cd lib; state=lost');
    expect(await run(session, command)).toMatchObject({ output: '', exitCode, restarted: true });
    expect(await run(session, 'basename "$PWD"; echo "$state$FROM_ACTIVATION"')).toMatchObject({
      output: 'lib\n1\n',
      restarted: false,
    });
  });

  test.each([
    'ulimit -n 5',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell code
    'for fd in {3..255}; do eval "exec ${fd}>&-"; done',
    'builtin() { :; }; sleep 100',
  ])('runs the next command in a new shell where %j has spoilt the old one', async (command) => {
    await runShort(session, command);
    expect(await outputOf(session, 'echo on')).toContain('on\n');
  });

  test('has a new shell after `exec` of a program that hangs', async () => {
    expect(await runShort(session, 'exec sleep 100')).toMatchObject({
      exitCode: null,
      isTimeout: true,
      restarted: true,
    });
    expect(await outputOf(session, 'echo on')).toBe('on\n');
  });

  if (isolation === 'bubblewrap')
    test('has a new shell when everything was killed', async () => {
      await run(session, 'cd lib');
      expect((await run(session, 'kill -9 -1')).output).toBe('');
      expect(await outputOf(session, 'pwd')).toBe('/testbed/lib\n');
    });

  test('shows nothing of itself in the list of processes but the names of two shells', async () => {
    expect(await outputOf(session, 'cat /proc/$$/cmdline /proc/$PPID/cmdline | tr "\\0" " "')).toMatch(
      /^\S*bash --noprofile --norc --noediting -i bash --noprofile --norc -c .{1,90}$/,
    );
  });

  test('stops a command on an abort, rejects with its reason and goes on', async () => {
    await run(session, 'state=kept');
    const abort = new AbortController();
    const running = session.run('sleep 87.5', { seconds: 60, outputChars: 100 }, abort.signal);
    await until(async () => (await processesWith('87.5')).length > 0);
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(await processesWith('87.5')).toEqual([]);
    expect(await outputOf(session, 'echo $state')).toBe('kept\n');
  });

  test('serves calls one after the other', async () => {
    const results = await Promise.all(
      Array.from({ length: 5 }, (_, i) => outputOf(session, `sleep 0.0${5 - i}; echo ${i}`)),
    );
    expect(results).toEqual(['0\n', '1\n', '2\n', '3\n', '4\n']);
  });

  test('reads and writes files of any bytes, relative to its folder', async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 256);
    await run(session, "cd lib; mkdir -p 'a b'");
    for (const path of ["a b/it's \\ $x\n.txt", '-n']) {
      await session.writeFile(path, bytes, forever);
      expect(Buffer.compare(Buffer.from((await session.readFile(path, forever)) ?? []), bytes)).toBe(0);
    }
    await session.writeFile('text', 'ä\n', forever);
    expect(await outputOf(session, 'cat text; stat -c %s "$PWD/-n"')).toBe('ä\n300000\n');
    await session.writeFile('text', '', forever);
    expect(await session.readFile('text', forever)).toHaveLength(0);
  });

  test('reads a file while the background prints, and loses none of that', async () => {
    await session.writeFile('file', 'x'.repeat(200_000), forever);
    // A part of it may come with the command that starts it.
    const first = await outputOf(session, 'for i in {1..2000}; do echo $i; done & ');
    expect(await session.readFile('file', forever)).toHaveLength(200_000);
    const lines = `${first}${await outputOf(session, 'wait')}`.trim().split('\n');
    expect(lines).toEqual(Array.from({ length: 2000 }, (_, index) => `${index + 1}`));
  });

  test('finds no file where there is none, or no regular one', async () => {
    await run(session, 'mkfifo pipe');
    for (const path of ['none', 'none/none', 'lib', 'pipe', '', '/dev/zero'])
      expect(await session.readFile(path, forever)).toBeUndefined();
  });

  test('says in the system’s words why a file can’t be written', async () => {
    await run(session, 'mkfifo pipe');
    await expect(session.writeFile('none/file', 'x', forever)).rejects.toThrow(
      'none/file: No such file or directory',
    );
    await expect(session.writeFile('lib', 'x', forever)).rejects.toThrow('lib: Is a directory');
    await expect(session.writeFile('pipe', 'x', forever)).rejects.toThrow('Not a regular file');
    expect(await outputOf(session, 'echo on')).toBe('on\n');
  });

  test('rejects with an infra error when the container goes', async () => {
    const running = run(session, 'sleep 100');
    running.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await container.destroy();
    await expect(running).rejects.toMatchObject({ name: 'AssayError', class: 'infra' });
    await expect(run(session, 'echo no')).rejects.toMatchObject({ name: 'AssayError', class: 'infra' });
    await expect(session.readFile('README', forever)).rejects.toMatchObject({ class: 'infra' });
  });

  test('leaves no process behind when it is closed, and refuses commands', async () => {
    await run(session, 'sleep 88.5 & setsid sleep 88.5 &');
    await session.close();
    expect(await until(async () => (await processesWith('88.5')).length === 0)).toBe(true);
    await expect(run(session, 'echo no')).rejects.toMatchObject({ code: 'interrupted' });
  });

  test('is not opened where its activation ends the shell or the container is gone', async () => {
    const options = { workdir: '/testbed', clock: testClock(), signal: forever };
    await expect(openSession(container, { ...options, activation: 'exit 1' })).rejects.toMatchObject({
      code: 'engine_failed',
    });
    const aborted = { ...options, signal: AbortSignal.abort(new Error('too late')), activation: '' };
    await expect(openSession(container, aborted)).rejects.toThrow('too late');
  });
});
