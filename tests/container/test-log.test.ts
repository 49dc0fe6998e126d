import { expect, test } from '@jest/globals';
import { assertSpace, type LogSink, runTests } from '../../src/container/test-log.js';
import type { Container } from '../../src/engine/engine.js';
import { AssayError } from '../../src/errors.js';
import { judge } from '../../src/grade/verdict.js';
import type { Clock } from '../../src/util/clock.js';
import { fakeEngine } from '../helpers/fake-engine.js';
import { testProfile, testSpec } from '../helpers/jobs.js';

const never = new AbortController().signal;
const sink: LogSink = { write: () => {}, end: async () => {} };

/** A clock that stands still until a test moves it on. */
function handClock(): Clock & { readonly pass: (seconds: number) => Promise<void> } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    iso: () => '2026-01-01T00:00:00.000Z',
    after(ms, fire) {
      const timer = { at: now + ms, fire };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async pass(seconds) {
      for (let passed = 0; passed < seconds; passed++) {
        now += 1000;
        for (const timer of [...timers].filter(({ at }) => at <= now)) {
          timers.delete(timer);
          timer.fire();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

interface Scene {
  readonly isOverDisk?: (count: number) => boolean | Promise<boolean>;
  readonly isDiskFull?: () => boolean;
  readonly isBusy?: Container['isBusy'];
  readonly exec?: Container['exec'];
  readonly signal?: AbortSignal;
}

/** Tests that run until they are ended, unless `exec` says otherwise. */
async function scene({
  isOverDisk = () => false,
  isDiskFull = () => false,
  isBusy,
  exec,
  signal = never,
}: Scene) {
  const clock = handClock();
  const engine = fakeEngine({ exec: () => ({ hang: true, output: 'some output' }) });
  const limits = { memoryBytes: 1, cpus: 1, pids: 1, network: false, capAdd: [], diskBytes: 1 };
  const started = await engine.containers.start(
    { image: 'image:latest', name: 'a', labels: {}, limits },
    never,
  );
  let asked = 0;
  const container = {
    ...started,
    ...(exec === undefined ? {} : { exec }),
    ...(isBusy === undefined ? {} : { isBusy }),
    isOverDisk: async () => isOverDisk(++asked),
    isDiskFull: async () => isDiskFull(),
  };
  const run = runTests(container, { workdir: '/', sink, seconds: 60, clock, signal });
  run.catch(() => {});
  return { run, container, clock, asked: () => asked };
}

test('tests that write more than the disk limit are ended, and the patch is to blame', async () => {
  const { run, clock, asked } = await scene({ isOverDisk: (count) => count === 3 });
  await clock.pass(30);
  const end = await run;
  expect(end).toMatchObject({ ended: 'disk_limit', exitCode: null, log: 'some output' });
  expect(asked()).toBe(3);
  expect(judge(end, testSpec('a'), testProfile)).toMatchObject({
    outcome: 'unresolved',
    reason: 'disk_limit',
    phase: 'test',
    detail: 'the tests wrote more to the disk than --disk allows',
  });
});

test('a disk that is full for a while during the tests is seen, and what failed then is no verdict', async () => {
  let isFull = false;
  let end = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  const { run, container, clock } = await scene({
    isDiskFull: () => isFull,
    exec: () => over.then(() => ({ exitCode: 1, oomKilled: false })),
  });
  await clock.pass(6);
  isFull = true;
  await clock.pass(6);
  isFull = false;
  end();
  const tests = await run;
  expect(tests).toMatchObject({ ended: 'exited', wasDiskFull: true });
  await expect(assertSpace(container, tests, never)).rejects.toMatchObject({
    code: 'disk_full',
    phase: 'test',
  });
  const own = { ended: 'disk_limit', wasDiskFull: true } as const;
  await expect(assertSpace(container, own, never)).resolves.toBeUndefined();
  const fine = { ended: 'exited', wasDiskFull: false } as const;
  await expect(assertSpace(container, fine, never)).resolves.toBeUndefined();
  isFull = true;
  await expect(assertSpace(container, fine, never)).rejects.toMatchObject({ code: 'disk_full' });
});

test('nobody looks at the disk before 5 s are over, nor after the tests', async () => {
  let finish = () => {};
  const over = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { run, clock, asked } = await scene({
    isOverDisk: () => true,
    exec: () => over.then(() => ({ exitCode: 0, oomKilled: false })),
  });
  await clock.pass(4);
  finish();
  expect(await run).toMatchObject({ ended: 'exited', exitCode: 0 });
  await clock.pass(60);
  expect(asked()).toBe(0);
});

test('an engine that does not answer is asked again, and is no verdict', async () => {
  const failing = await scene({
    isOverDisk: (count) => {
      if (count < 3) throw new AssayError('engine_failed', 'no answer');
      return true;
    },
  });
  await failing.clock.pass(20);
  expect(await failing.run).toMatchObject({ ended: 'disk_limit' });

  const silent = await scene({ isOverDisk: () => new Promise<boolean>(() => {}) });
  await silent.clock.pass(61);
  expect(await silent.run).toMatchObject({ ended: 'timeout' });
  expect(silent.asked()).toBe(1);
});

test('a run that is killed says so, and the disk is left alone', async () => {
  const stop = new AbortController();
  const { run, clock, asked } = await scene({ isOverDisk: () => true, signal: stop.signal });
  stop.abort(new AssayError('interrupted', 'enough'));
  await expect(run).rejects.toMatchObject({ code: 'interrupted' });
  await clock.pass(60);
  expect(asked()).toBe(0);
});

test('tests that are out of time although nothing runs are a fault of the engine', async () => {
  const { run, clock } = await scene({ isBusy: async () => false });
  await clock.pass(60);
  await expect(run).rejects.toMatchObject({ code: 'engine_failed', retryable: true });
});

test('an engine that does not say whether tests that are out of time run is given up', async () => {
  const { run, clock } = await scene({ isBusy: () => new Promise<boolean>(() => {}) });
  await clock.pass(100);
  await expect(run).rejects.toMatchObject({ code: 'phase_timeout' });
});

test('the time of the tests begins when the engine starts them', async () => {
  let begin = () => {};
  const begins = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const { run, clock } = await scene({
    exec: async ({ onStart, signal }) => {
      await begins;
      onStart?.();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    },
  });
  let isOver = false;
  void run.then(() => {
    isOver = true;
  });
  await clock.pass(50);
  begin();
  await clock.pass(59);
  expect(isOver).toBe(false);
  await clock.pass(2);
  expect(await run).toMatchObject({ ended: 'timeout', exitCode: null });
});
