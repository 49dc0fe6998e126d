import { describe, expect, test } from '@jest/globals';
import { DEFAULT_DEADLINES } from '../src/container/deadline.js';
import { AssayError } from '../src/index.js';
import { type Job, runInstance } from '../src/run-instance.js';
import { type FakeEngine, type FakeEngineOptions, fakeEngine, imageInfo } from './helpers/fake-engine.js';
import { testClock, testContext, testJob } from './helpers/jobs.js';

async function judge(job: Job, options: FakeEngineOptions, extra: Parameters<typeof testContext>[1] = {}) {
  const engine: FakeEngine = fakeEngine(options);
  const gone: Promise<void>[] = [];
  let log = '';
  const verdict = await runInstance(job, {
    ...(await testContext(engine, extra)),
    discard: (container) =>
      gone.push(
        Promise.resolve(container).then(
          (one) => one.destroy(),
          () => undefined,
        ),
      ),
    log: {
      write: (chunk) => {
        log += new TextDecoder().decode(chunk);
      },
      end: async () => undefined,
    },
    onPhase: () => undefined,
    signal: new AbortController().signal,
  });
  await Promise.all(gone);
  return { verdict, engine, log };
}

const script = (reply: { output?: string; exitCode?: number; oomKilled?: boolean }) => (command: string) =>
  command.includes('/eval.sh') ? reply : {};

describe('the central path', () => {
  test('a patch whose tests pass is resolved, with the command that applied it and the image that ran it', async () => {
    const { verdict, engine, log } = await judge(testJob('a'), { exec: script({ output: 'PASS' }) });
    expect(verdict).toMatchObject({
      outcome: 'resolved',
      appliedWith: 'apply-strict /tmp/patch.diff',
      imageDigest: 'sha256:1',
      exitCode: 0,
      tests: { FAIL_TO_PASS: { success: ['t1'], failure: [] } },
    });
    expect(log).toBe('PASS');
    expect(engine.alive.size).toBe(0);
  });

  test('a verdict carries what is known of the instance in this image', async () => {
    const notesOn = ({ instanceId, imageDigest }: { instanceId: string; imageDigest?: string }) => [
      `flaky: ${instanceId} in ${imageDigest}`,
    ];
    const { verdict } = await judge(testJob('a'), { exec: script({ output: 'PASS' }) }, { notesOn });
    expect(verdict.notes).toEqual(['flaky: a in sha256:1']);
  });

  test('a verdict says which Python the image has and which was asked for, where the image says both', async () => {
    const judgedIn = async (labels: Readonly<Record<string, string>>) => {
      const resolveImage = async () => imageInfo('image:latest', 'sha256:1', labels);
      const { verdict } = await judge(testJob('a'), { exec: script({ output: 'PASS' }) }, { resolveImage });
      return verdict.imagePython;
    };
    const both = { 'assay.image.python': '3.9.18', 'assay.image.python.requested': '3.6' };
    expect(await judgedIn(both)).toEqual({ requested: '3.6', has: '3.9.18' });
    expect(await judgedIn({ 'assay.image.python': '3.9.18' })).toBeUndefined();
  });

  test('each command of the apply chain gets a pristine container, and the winner is recorded', async () => {
    const { verdict, engine } = await judge(testJob('a'), {
      exec: (command) => (command.includes('apply-strict') ? { exitCode: 1 } : { output: 'PASS' }),
    });
    expect(verdict.appliedWith).toBe('apply-loose /tmp/patch.diff');
    expect(engine.started).toHaveLength(2);
    expect(engine.alive.size).toBe(0);
  });

  test('a patch that no command applies is invalid, with the evidence of the last one', async () => {
    const { verdict, engine } = await judge(testJob('a'), {
      exec: () => ({ exitCode: 1, output: 'error: corrupt patch at line 3' }),
    });
    expect(verdict).toMatchObject({ outcome: 'invalid', reason: 'apply_failed', phase: 'apply' });
    expect(verdict.detail).toContain('corrupt patch');
    expect(engine.alive.size).toBe(0);
  });

  test.each([[null], ['']])('no patch (%j) is invalid without a container', async (patch) => {
    const { verdict, engine } = await judge(testJob('a', patch), {});
    expect(verdict).toMatchObject({ outcome: 'invalid', reason: 'empty_patch' });
    expect(verdict.official.patchIsNone).toBe(patch === null);
    expect(engine.started).toHaveLength(0);
  });

  test('left untouched on purpose, the tree is tested without a patch', async () => {
    const commands: string[] = [];
    const { verdict } = await judge(testJob('a', '', { untouched: true }), {
      exec: (command) => {
        commands.push(command);
        return { output: 'FAIL', exitCode: 1 };
      },
    });
    expect(verdict).toMatchObject({ outcome: 'unresolved', reason: 'tests_failed', appliedWith: 'no patch' });
    expect(commands).toEqual(['/bin/bash /eval.sh']);
  });

  test("a test time-out is the model's, and the container is gone", async () => {
    const { verdict, engine } = await judge(
      testJob('a'),
      { exec: (command) => (command.includes('/eval.sh') ? { hang: true, output: 'half' } : {}) },
      { deadlines: { ...DEFAULT_DEADLINES, test: 5 }, clock: testClock(100) },
    );
    expect(verdict).toMatchObject({
      outcome: 'unresolved',
      reason: 'test_timeout',
      phase: 'test',
      exitCode: null,
    });
    expect(engine.alive.size).toBe(0);
  });

  test.each(['apply', 'start'] as const)('a time-out of the %s phase is ours', async (phase) => {
    const hang = (_: unknown, signal?: AbortSignal) =>
      new Promise<never>((_resolve, reject) =>
        signal?.addEventListener('abort', () => reject(signal.reason)),
      );
    const { verdict, engine } = await judge(
      testJob('a'),
      phase === 'apply' ? { exec: () => ({ hang: true }) } : { onStart: hang },
      { deadlines: { ...DEFAULT_DEADLINES, [phase]: 1 }, clock: testClock(100) },
    );
    expect(verdict).toMatchObject({ outcome: 'infra_error', reason: 'phase_timeout', phase });
    expect(engine.alive.size).toBe(0);
  });

  test('a missing image, an engine that fails and a defect of ours are infrastructure errors', async () => {
    const missing = { ...testJob('a'), spec: { ...testJob('a').spec, images: ['nope'] } };
    expect((await judge(missing, {})).verdict).toMatchObject({
      outcome: 'infra_error',
      reason: 'image_missing',
      phase: 'pull',
    });
    const failing = () => ({ fail: new AssayError('engine_failed', 'the engine went away') });
    expect((await judge(testJob('a'), { exec: failing })).verdict).toMatchObject({
      reason: 'engine_failed',
      phase: 'apply',
    });
    const broken = () => {
      throw new TypeError('x is undefined');
    };
    expect((await judge(testJob('a'), { exec: broken })).verdict).toMatchObject({
      outcome: 'infra_error',
      reason: 'internal',
    });
  });

  test('a process killed at the memory limit is named, unless the tests passed all the same', async () => {
    const killed = await judge(testJob('a'), {
      exec: script({ output: 'FAIL', exitCode: 137, oomKilled: true }),
    });
    expect(killed.verdict).toMatchObject({ outcome: 'unresolved', reason: 'memory_limit' });
    const passed = await judge(testJob('a'), { exec: script({ output: 'PASS', oomKilled: true }) });
    expect(passed.verdict.outcome).toBe('resolved');
  });

  test('tests that fail on a full disk are no verdict, and those that pass on one are', async () => {
    const failed = await judge(testJob('a'), { exec: script({ output: 'FAIL' }), isDiskFull: true });
    expect(failed.verdict).toMatchObject({ outcome: 'infra_error', reason: 'disk_full', phase: 'test' });
    const passed = await judge(testJob('a'), { exec: script({ output: 'PASS' }), isDiskFull: true });
    expect(passed.verdict.outcome).toBe('resolved');
  });

  test('an instance gets the network only when its row needs it and the run allows it, and the verdict says so', async () => {
    const needy = { ...testJob('a'), spec: { ...testJob('a').spec, needs: { network: true } } };
    const granted = await judge(needy, { exec: script({ output: 'PASS' }) });
    expect(granted.engine.started[0]?.limits.network).toBe(true);
    expect(granted.verdict.granted).toEqual({ network: true });
    const refused = await judge(needy, { exec: script({ output: 'PASS' }) }, { mayUseNetwork: false });
    expect(refused.engine.started[0]?.limits.network).toBe(false);
    const plain = await judge(testJob('a'), { exec: script({ output: 'PASS' }) });
    expect(plain.engine.started[0]?.limits.network).toBe(false);
    expect(plain.verdict.granted).toEqual({});
  });

  test('the key of a verdict changes with the patch, the row, the image and the profile', async () => {
    const key = async (job: Job, digest = 'sha256:1') =>
      (await judge(job, { images: { 'image:latest': digest }, exec: script({ output: 'PASS' }) })).verdict
        .key;
    const base = await key(testJob('a'));
    expect(await key(testJob('a'))).toBe(base);
    const others = [
      await key(testJob('a', 'other')),
      await key(testJob('b')),
      await key(testJob('a'), 'sha256:2'),
      await key({ ...testJob('a'), profile: { ...testJob('a').profile, graderVersion: 'test-2' } }),
    ];
    expect(new Set([base, ...others]).size).toBe(5);
  });

  test('a start that the end of the apply phase overtakes leaves no container when it comes', async () => {
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 60));
    let starts = 0;
    const { verdict, engine } = await judge(
      testJob('a'),
      { exec: () => ({ exitCode: 1 }), onStart: () => (++starts > 1 ? pause() : undefined) },
      { deadlines: { ...DEFAULT_DEADLINES, apply: 0.02 } },
    );
    expect(verdict).toMatchObject({ outcome: 'infra_error', reason: 'phase_timeout', phase: 'apply' });
    await pause();
    expect(engine.started.length - 1 + engine.alive.size).toBe(0);
  });

  test('an engine that ignores the end of the test time hangs nothing', async () => {
    const { verdict } = await judge(
      testJob('a'),
      { exec: (command) => (command.includes('/eval.sh') ? new Promise<never>(() => undefined) : {}) },
      { deadlines: { ...DEFAULT_DEADLINES, test: 0.02 } },
    );
    expect(verdict).toMatchObject({ outcome: 'unresolved', reason: 'test_timeout' });
  });

  test('an engine that answers after the apply phase is over starts nothing more', async () => {
    const late = () =>
      new Promise<{ exitCode: number }>((resolve) => setTimeout(() => resolve({ exitCode: 1 }), 60));
    const phases: string[] = [];
    const engine = fakeEngine();
    const start: typeof engine.containers.start = async (spec, signal) => ({
      ...(await engine.containers.start(spec, signal)),
      exec: async () => ({ ...(await late()), oomKilled: false }),
    });
    const verdict = await runInstance(testJob('a'), {
      ...(await testContext(
        { ...engine, containers: { ...engine.containers, start } },
        { deadlines: { ...DEFAULT_DEADLINES, apply: 0.02 } },
      )),
      discard: () => undefined,
      log: { write: () => undefined, end: async () => undefined },
      onPhase: (phase) => phases.push(phase),
      signal: new AbortController().signal,
    });
    expect(verdict).toMatchObject({ outcome: 'infra_error', reason: 'phase_timeout' });
    await late();
    expect(phases).toEqual(['pull', 'start', 'apply']);
    expect(engine.started).toHaveLength(1);
  });
});
