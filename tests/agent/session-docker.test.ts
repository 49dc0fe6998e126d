import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { openSession, type Session } from '../../plugins/agent/session.js';
import type { Container } from '../../src/index.js';
import { describeWithDocker } from '../helpers/docker.js';
import { testClock } from '../helpers/jobs.js';
import { forever, outputOf, run, runShort } from './session-helpers.js';

const LABELS = { 'assay.test': `session-${process.pid}` };

await describeWithDocker('a session in a container', ({ engine, image }) => {
  let container: Container;
  let session: Session;
  let count = 0;
  beforeEach(async () => {
    const limits = { memoryBytes: 256 * 2 ** 20, cpus: 1, pids: 256, network: false, capAdd: [] };
    const name = `assay-session-test-${process.pid}-${++count}`;
    container = await engine.containers.start({ image, name, labels: LABELS, limits }, forever);
    const options = { workdir: '/tmp', activation: 'export FROM_ACTIVATION=1', clock: testClock() };
    session = await openSession(container, { ...options, signal: forever });
  });
  afterEach(async () => {
    await session.close();
    await container.destroy();
  });
  afterAll(async () => {
    await engine.containers.reap(LABELS, () => true);
    await engine.close();
  });

  /** Processes of the container that have the text in their command line, by a command of its own. */
  async function processesWith(text: string): Promise<number> {
    let output = '';
    const onOutput = (bytes: Uint8Array) => {
      output += Buffer.from(bytes).toString();
    };
    const script = `grep -la '${text.replace('.', '[.]')}' /proc/[0-9]*/cmdline | wc -l`;
    await container.exec({ argv: ['bash', '-c', script], signal: forever, onOutput });
    return Number(output);
  }

  test('keeps its state, stops what hangs, and goes on', async () => {
    await run(session, 'mkdir -p d; cd d; state=kept; sleep 91.5 &');
    const hostile = 'setsid sleep 92.5 & (env -i setsid sleep 92.5 &); while :; do :; done; echo no';
    expect(await runShort(session, hostile)).toMatchObject({ output: '', exitCode: null, isTimeout: true });
    expect(await run(session, 'echo $state $FROM_ACTIVATION')).toMatchObject({
      output: 'kept 1\n',
      cwd: '/tmp/d',
      restarted: false,
    });
    expect([await processesWith('92.5'), await processesWith('91.5')]).toEqual([0, 1]);
  });

  test('outlives a fork bomb, a flood and the end of everything', async () => {
    expect((await runShort(session, 'f() { f | f & }; f; sleep 100')).isTimeout).toBe(true);
    expect(await outputOf(session, 'echo on')).toBe('on\n');
    expect((await run(session, 'yes')).exitCode).toBeNull();
    expect(await run(session, 'cd /usr; kill -9 -1')).toMatchObject({ output: '' });
    expect(await outputOf(session, 'echo on')).toBe('on\n');
    expect(await run(session, 'exit 3')).toMatchObject({ exitCode: 3, restarted: true });
  });

  test('outlives a command that takes all the memory', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shell code
    const { exitCode } = await run(session, "x=$(head -c 600000000 /dev/zero | tr '\\0' x); echo ${#x}");
    expect(exitCode).not.toBe(0);
    expect(await outputOf(session, 'echo on')).toBe('on\n');
  });

  test('reads and writes files', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 256);
    await session.writeFile('file', bytes, forever);
    expect(Buffer.compare(Buffer.from((await session.readFile('file', forever)) ?? []), bytes)).toBe(0);
    await expect(session.writeFile('/none/file', 'x', forever)).rejects.toThrow('No such file or directory');
  });

  test('rejects with an infra error when the container goes', async () => {
    const running = run(session, 'sleep 100');
    running.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await container.destroy();
    await expect(running).rejects.toMatchObject({ name: 'AssayError', class: 'infra' });
    await expect(run(session, 'echo no')).rejects.toMatchObject({ name: 'AssayError', class: 'infra' });
  });

  test('leaves no process behind when it is closed or aborted', async () => {
    await run(session, 'sleep 93.5 & setsid sleep 93.5 &');
    await session.close();
    expect(await processesWith('93.5')).toBe(0);
    const abort = new AbortController();
    const options = { workdir: '/tmp', activation: '', clock: testClock(), signal: abort.signal };
    const second = await openSession(container, options);
    const running = run(second, 'sleep 94.5');
    running.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow();
    for (let i = 0; i < 50 && (await processesWith('94.5')) > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await processesWith('94.5')).toBe(0);
  });
});
