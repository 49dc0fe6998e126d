import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import { AssayError } from '../../errors.js';
import type { ExecRequest, ExecResult } from '../engine.js';
import { call, expectText, pause } from './call.js';
import { frameSplitter } from './frames.js';
import { onePipe } from './one-pipe.js';
import type { OomWatch } from './oom.js';

interface ExecOptions {
  readonly docker: Docker;
  /** Container id. */
  readonly id: string;
  readonly request: ExecRequest;
  readonly oom: OomWatch;
  readonly onCreate: (command: Docker.Exec) => void;
  /** See `Patience`. */
  readonly exitCodeMs: number;
}

/** Exit codes from here on are those of signals. */
const SIGNAL_EXIT = 128;
const SIGKILL_EXIT = 137;
/** An oom event and the end of its victim come on two connections; this long the event may lag, in milliseconds. */
const OOM_EVENT_LAG = 300;
/** The end of a command comes before that of the container with which it was killed, by at most this, in milliseconds. */
const STATE_LAG = 2000;

/** Runs a command and hands its output on; the exit code comes from inspect. An abort only stops the waiting: destroy the container. */
export async function exec(options: ExecOptions): Promise<ExecResult> {
  const { docker, id, request, onCreate } = options;
  const { argv, workdir, env = {}, stdin, signal } = request;
  const pipe = onePipe(argv);
  const what = `exec ${argv[0] ?? ''} in container ${id.slice(0, 12)}`;
  const created = await call({ what, signal }, (abortSignal) =>
    docker.getContainer(id).exec({
      Cmd: [...pipe.argv],
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      ...(workdir === undefined ? {} : { WorkingDir: workdir }),
      AttachStdin: stdin !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      abortSignal,
    }),
  );
  expectText(created.id, what);
  onCreate(created);
  await call({ what, signal }, async (abortSignal) => {
    const hijack = stdin !== undefined;
    const stream = await created.start({ Detach: false, Tty: false, hijack, stdin: hijack, abortSignal });
    request.onStart?.();
    // What can't be written any more says nothing that the output doesn't say.
    stdin?.once('error', () => stream.end()).pipe(stream);
    try {
      await pipeline(
        stream as Readable,
        frameSplitter(),
        (pieces: AsyncIterable<Buffer>) => deliver(pipe.output(pieces), request),
        { signal: abortSignal },
      );
    } finally {
      stdin?.destroy();
      // A connection that was taken over stays open to write on.
      stream.destroy();
    }
  });
  const exitCode = await exitCodeOf(created, what, options);
  if (!pipe.isWhole() && exitCode < SIGNAL_EXIT)
    throw new AssayError('engine_failed', `docker: ${what}: the connection was cut before the output ended`);
  if (exitCode === SIGKILL_EXIT)
    await reasonOfKill(what, options, pipe.isWhole() ? OOM_EVENT_LAG : STATE_LAG);
  return { exitCode, oomKilled: options.oom.has(id) };
}

/** Waits for what explains a SIGKILL: an oom event, or the end of the container, which is somebody else's doing and an error. */
async function reasonOfKill(
  what: string,
  { docker, id, request, oom }: ExecOptions,
  ms: number,
): Promise<void> {
  const options = { what, signal: request.signal };
  for (let waited = 0; waited < ms && !oom.has(id); waited += 20) {
    const { State } = await call(options, (abortSignal) => docker.getContainer(id).inspect({ abortSignal }));
    await pause(State.Running ? 20 : OOM_EVENT_LAG, options);
    if (!State.Running && !oom.has(id))
      throw new AssayError('engine_failed', `docker: ${what}: the container was ended from outside`);
  }
}

interface RunningOptions {
  readonly docker: Docker;
  readonly id: string;
  readonly command: Docker.Exec;
  readonly signal: AbortSignal;
}

/** Whether a command runs now, in a container that isn't paused. */
export async function isRunning({ docker, id, command, signal }: RunningOptions): Promise<boolean> {
  const options = { what: `ask for the state of container ${id.slice(0, 12)}`, signal };
  const [{ Running }, { State }] = await call(options, (abortSignal) =>
    Promise.all([command.inspect({ abortSignal }), docker.getContainer(id).inspect({ abortSignal })]),
  );
  return Running && State.Running && !State.Paused;
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
