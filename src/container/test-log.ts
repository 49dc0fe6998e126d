import type { Container } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { type Clock, pause } from '../util/clock.js';
import { untilAborted, withDeadline } from './deadline.js';

export const EVAL_SCRIPT = '/eval.sh';

/** A log past this size ends the test run: it could not be kept or graded. 256 MiB. */
export const MAX_LOG_BYTES = 256 * 1024 * 1024;

/** How often we look at the disk; tests that end sooner pay nothing for it. */
const DISK_SECONDS = 5;

/** How long the engine may take to say whether tests that were out of time were running at all. */
const STATE_SECONDS = 30;

/** Where the bytes of a test log go while they arrive; a returned promise is back-pressure. */
export interface LogSink {
  write(chunk: Uint8Array): void | Promise<void>;
  /** Resolves when everything is written. */
  end(): Promise<void>;
}

export interface TestRun {
  /** Complete output, stdout and stderr as they came. */
  readonly log: string;
  /** Null when the run was ended by us. */
  readonly exitCode: number | null;
  readonly ended: 'exited' | 'timeout' | 'log_limit' | 'disk_limit';
  readonly oomKilled: boolean;
  /** The disk was seen to have no space left while they ran. */
  readonly wasDiskFull: boolean;
}

interface RunTestsOptions {
  readonly workdir: string;
  readonly sink: LogSink;
  /** Time for the whole script; when it is over the result says `timeout`. */
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Runs the eval script that was put at {@link EVAL_SCRIPT} and collects its output; rejects only for faults of ours. */
export async function runTests(container: Container, options: RunTestsOptions): Promise<TestRun> {
  const { workdir, sink, seconds, clock, signal } = options;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let ended: TestRun['ended'] = 'exited';
  const stop = new AbortController();
  const end = (why: Exclude<TestRun['ended'], 'exited'>) => {
    ended = why;
    stop.abort();
  };
  const arm = () => clock.after(seconds * 1000, () => end('timeout'));
  let cancel = arm();
  let wasDiskFull = false;
  const onLook = async () => {
    wasDiskFull ||= await isDiskFull(container, signal);
  };
  const result = (exitCode: number | null, oomKilled: boolean): TestRun => ({
    log: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks)),
    ...{ exitCode, ended, oomKilled, wasDiskFull },
  });
  const either = AbortSignal.any([signal, stop.signal]);
  overDisk(container, { clock, signal: either, onLook }).then(
    () => end('disk_limit'),
    () => {}, // aborted: the tests are over
  );
  try {
    const { exitCode, oomKilled } = await untilAborted(either, (bound) =>
      container.exec({
        argv: ['/bin/bash', EVAL_SCRIPT],
        workdir,
        signal: bound,
        onStart() {
          cancel();
          if (!bound.aborted) cancel = arm();
        },
        onOutput: (chunk) => {
          if (bound.aborted) return;
          size += chunk.length;
          if (size > MAX_LOG_BYTES) return end('log_limit');
          chunks.push(chunk);
          return sink.write(chunk);
        },
      }),
    );
    return result(exitCode, oomKilled);
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
    if ((ended as TestRun['ended']) === 'timeout') await assertBusy(container, options);
    return result(null, false);
  } finally {
    stop.abort();
    cancel();
  }
}

/**
 * Throws `disk_full` where the disk had no space left while tests ran, or has none now: what failed then says nothing of the patch. Tests that were ended for what
 * they wrote themselves are left out.
 */
export async function assertSpace(
  container: Container,
  { ended, wasDiskFull }: Pick<TestRun, 'ended' | 'wasDiskFull'>,
  signal: AbortSignal,
): Promise<void> {
  if (ended === 'disk_limit' || !(wasDiskFull || (await isDiskFull(container, signal)))) return;
  throw new AssayError(
    'disk_full',
    'tests failed while the disk that holds their container had no space left',
    {
      phase: 'test',
    },
  );
}

function isDiskFull(container: Container, signal: AbortSignal): Promise<boolean> {
  return container.isDiskFull(signal).catch(() => false);
}

/** Time in which the engine ran nothing, or sent nothing of what it had, is not the patch's. */
async function assertBusy(container: Container, { seconds, clock, signal }: RunTestsOptions): Promise<void> {
  const limits = { phase: 'test', seconds: STATE_SECONDS, clock, signal } as const;
  if (await withDeadline(limits, (bound) => container.isBusy(bound))) return;
  throw new AssayError('engine_failed', `no end of the tests in ${seconds} s, although they do not run`);
}

/** Resolves when the container is over its disk limit. An engine that fails to answer is asked again: the command itself tells when it is gone. */
async function overDisk(
  container: Container,
  {
    clock,
    signal,
    onLook,
  }: Pick<RunTestsOptions, 'clock' | 'signal'> & { readonly onLook: () => Promise<void> },
): Promise<void> {
  for (;;) {
    await pause(DISK_SECONDS * 1000, clock, signal);
    await onLook();
    if (await container.isOverDisk(signal).catch(() => false)) return;
  }
}
