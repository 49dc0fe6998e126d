import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { AssayError } from '../../errors.js';
import type { ExecRequest, ExecResult } from '../engine.js';
import { call, expectText, pause } from './call.js';
import { frameSplitter } from './frames.js';
import type { OomWatch } from './oom.js';

interface ExecOptions {
  readonly docker: Docker;
  /** Container id. */
  readonly id: string;
  readonly request: ExecRequest;
  readonly oom: OomWatch;
  /** See `Patience`. */
  readonly exitCodeMs: number;
}

/**
 * Gives a command one pipe for both streams. Docker copies two pipes separately, and then a marker that bash traces on stderr overtook
 * the last lines of stdout in 11 of 60 runs: a test result outside its markers is a wrong verdict.
 */
const ONE_PIPE = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh'];

const SIGKILL_EXIT = 137;
/** An oom event and the end of its victim come on two connections; this long the event may lag, in milliseconds. */
const OOM_EVENT_LAG = 300;

/** Runs a command and hands its output on; the exit code comes from inspect. An abort only stops the waiting: destroy the container. */
export async function exec(options: ExecOptions): Promise<ExecResult> {
  const { docker, id, request, oom } = options;
  const { argv, workdir, env = {}, signal } = request;
  const what = `exec ${argv[0] ?? ''} in container ${id.slice(0, 12)}`;
  const created = await call({ what, signal }, (abortSignal) =>
    docker.getContainer(id).exec({
      Cmd: [...ONE_PIPE, ...argv],
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      ...(workdir === undefined ? {} : { WorkingDir: workdir }),
      User: '0',
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    }),
  );
  expectText(created.id, what);
  await call({ what, signal }, async (abortSignal) => {
    const stream = await created.start({ Detach: false, Tty: false, abortSignal });
    await pipeline(
      stream as Readable,
      frameSplitter(),
      (pieces: AsyncIterable<Buffer>) => deliver(pieces, request),
      {
        signal: abortSignal,
      },
    );
  });
  const exitCode = await exitCodeOf(created, what, options);
  if (exitCode === SIGKILL_EXIT && !oom.has(id)) {
    for (let waited = 0; waited < OOM_EVENT_LAG && !oom.has(id); waited += 20)
      await pause(20, { what, signal });
  }
  return { exitCode, oomKilled: oom.has(id) };
}

async function deliver(pieces: AsyncIterable<Buffer>, { onOutput }: ExecRequest): Promise<void> {
  for await (const bytes of pieces) await onOutput(bytes);
}

/** The engine closes the output a moment before it knows the exit code, so it is asked until it does, `exitCodeMs` at most. */
async function exitCodeOf(
  created: Docker.Exec,
  what: string,
  { request, exitCodeMs }: ExecOptions,
): Promise<number> {
  const options = { what, signal: request.signal };
  for (let waited = 0, wait = 5; ; waited += wait, wait = Math.min(wait * 2, 200)) {
    const state = await call(options, (abortSignal) => created.inspect({ abortSignal }));
    if (state.Running === false && typeof state.ExitCode === 'number') return state.ExitCode;
    if (typeof state.Running !== 'boolean') {
      throw new AssayError('engine_failed', `docker: ${what}: inspect says nothing of its state`);
    }
    if (waited >= exitCodeMs) {
      throw new AssayError(
        'engine_failed',
        `docker: ${what}: no exit code ${exitCodeMs} ms after its output ended`,
      );
    }
    await pause(wait, options);
  }
}
