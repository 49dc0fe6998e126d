import type { Container } from '../engine/engine.js';
import type { Clock } from '../util/clock.js';
import { untilAborted } from './deadline.js';

export const EVAL_SCRIPT = '/eval.sh';

/** A log past this size ends the test run: it could not be kept or graded. 256 MiB. */
export const MAX_LOG_BYTES = 256 * 1024 * 1024;

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
  readonly ended: 'exited' | 'timeout' | 'log_limit';
  readonly oomKilled: boolean;
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
  let isOver = false;
  const stop = new AbortController();
  const end = (why: 'timeout' | 'log_limit') => {
    ended = why;
    stop.abort();
  };
  const cancel = clock.after(seconds * 1000, () => end('timeout'));
  const result = (exitCode: number | null, oomKilled: boolean): TestRun => ({
    log: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks)),
    exitCode,
    ended,
    oomKilled,
  });
  try {
    const { exitCode, oomKilled } = await untilAborted(AbortSignal.any([signal, stop.signal]), (bound) =>
      container.exec({
        argv: ['/bin/bash', EVAL_SCRIPT],
        workdir,
        signal: bound,
        onOutput: (chunk) => {
          if (isOver || bound.aborted) return;
          size += chunk.length;
          if (size > MAX_LOG_BYTES) return end('log_limit');
          chunks.push(chunk);
          return sink.write(chunk);
        },
      }),
    );
    return result(exitCode, oomKilled);
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) return result(null, false);
    throw error;
  } finally {
    isOver = true;
    cancel();
  }
}
