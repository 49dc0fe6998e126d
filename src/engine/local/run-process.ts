import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { close, constants, open } from 'node:fs';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AssayError } from '../../errors.js';
import type { ExecRequest } from '../engine.js';
import { killGroup } from './processes.js';

interface RunOptions {
  readonly argv: readonly string[];
  /** Complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** A named pipe that nobody else uses now: stdout and stderr of everything inside. */
  readonly fifo: string;
  /** Descriptors that the child gets from 4 on. */
  readonly fds: readonly number[];
  /** The child reads it on the descriptor after those. */
  readonly stdin: Readable | undefined;
  readonly signal: AbortSignal;
  readonly onOutput: ExecRequest['onOutput'];
  /** Ends what left the process group. */
  readonly killAll: () => Promise<void>;
}

/** How long processes that outlive the command may go on writing. */
const GRACE_MS = 2000;
/** How long we wait for what should come at once: the end of processes that were killed. */
const END_MS = 2000;
const EVIDENCE_CHARS = 4096;

/**
 * Runs a wrapped command (see `wrapper.ts`) in its own process group and passes its output on, one chunk at a time. Resolves with
 * the exit code when command and output have ended. On abort it kills everything and rejects with the signal's reason; rejects
 * with `engine_failed` when the sandbox couldn't be made.
 */
export async function runProcess(options: RunOptions): Promise<number> {
  const { fifo, signal, killAll } = options;
  // Opened without waiting for a writer. A real pipe: programs can open it again as /dev/stdout, unlike Node's sockets.
  const reader = await promisify(open)(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const output = outputOf(reader, options.onOutput);
  // Without a writer of our own the output would be at its end before the wrapper opens it.
  const writer = await promisify(open)(fifo, constants.O_WRONLY);
  let isWriting = true;
  const release = async () => {
    if (!isWriting) return;
    isWriting = false;
    await promisify(close)(writer);
  };
  let running: Running | undefined;
  try {
    signal.throwIfAborted();
    running = launch(options);
    void Promise.race([running.status.started, running.exited]).then(release);
    return await untilAborted(signal, finish(running, output, killAll));
  } catch (error) {
    if (running !== undefined) await kill(running, killAll);
    throw error;
  } finally {
    await release();
    output.destroy();
    running?.child.stderr?.destroy();
    running?.input?.destroy();
    options.stdin?.destroy();
  }
}

async function finish(running: Running, output: Output, killAll: () => Promise<void>): Promise<number> {
  const { child, exited, status } = running;
  await Promise.race([status.ended, exited, output.failed]);
  const isQuiet = await within(GRACE_MS, output.done);
  child.stdin?.end();
  const isGone = (await within(END_MS, exited)) !== undefined;
  if (!isQuiet || !isGone) await kill(running, killAll);
  // Closes when the last process of a closed-off sandbox is gone.
  if (!(await within(END_MS, status.closed))) await kill(running, killAll);
  output.endWhenIdle(END_MS);
  await output.done;
  const result = await exited;
  if (!status.hasStarted())
    throw new AssayError('engine_failed', 'the local sandbox could not be started', {
      detail: status.text() || `exit code ${result.code}`,
      cause: result.error,
    });
  return result.code;
}

interface Running {
  readonly child: ChildProcess;
  readonly input: Writable | undefined;
  readonly status: ReturnType<typeof statusOf>;
  readonly exited: Promise<{ readonly code: number; readonly error?: Error }>;
  readonly isOver: () => boolean;
}

function launch({ argv, env, cwd, fds, stdin }: RunOptions): Running {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    cwd,
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe', 'ignore', ...fds, ...(stdin === undefined ? [] : ['pipe' as const])],
  });
  let isOver = false;
  const exited = new Promise<{ code: number; error?: Error }>((resolve) => {
    child.once('error', (error) => resolve({ code: -1, error }));
    child.once('exit', (code, name) => {
      isOver = true;
      resolve({ code: code ?? 128 + (name === null ? 0 : osConstants.signals[name]) });
    });
  });
  child.stdin?.on('error', () => undefined);
  const input = stdin === undefined ? undefined : (child.stdio[4 + fds.length] as Writable);
  // What can't be written any more says nothing that the output doesn't say.
  if (input !== undefined) stdin?.once('error', () => input.end()).pipe(input.on('error', () => undefined));
  return { child, input, status: statusOf(child), exited, isOver: () => isOver };
}

async function kill({ child, exited, isOver }: Running, killAll: () => Promise<void>): Promise<void> {
  // Once it is over its number may belong to somebody else.
  if (child.pid !== undefined && !isOver()) killGroup(child.pid);
  await killAll();
  await within(END_MS, exited);
}

/** What the wrapper says on descriptor 2; before `s` it is the error text of whatever failed to start. */
function statusOf({ stderr }: ChildProcess) {
  let text = '';
  const said = new EventEmitter();
  stderr?.on('error', () => undefined);
  stderr?.setEncoding('latin1').on('data', (chunk: string) => {
    text = (text + chunk).slice(0, EVIDENCE_CHARS);
    if (text.startsWith('s')) said.emit('s');
    if (text.startsWith('se')) said.emit('e');
  });
  stderr?.once('close', () => said.emit('close'));
  return {
    started: once(said, 's'),
    ended: once(said, 'e'),
    closed: once(said, 'close'),
    hasStarted: () => text.startsWith('s'),
    text: () => text.trim(),
  };
}

type Output = ReturnType<typeof outputOf>;

function outputOf(fd: number, onOutput: ExecRequest['onOutput']) {
  const socket = new Socket({ fd, readable: true, writable: false });
  let isWithConsumer = false;
  let isCut = false;
  const cut = () => {
    isCut = true;
    socket.destroy();
  };
  const read = async (): Promise<true> => {
    try {
      for await (const chunk of socket) {
        isWithConsumer = true;
        await onOutput(chunk as Uint8Array);
        isWithConsumer = false;
      }
    } catch (error) {
      if (!isCut) throw error;
    }
    return true;
  };
  const done = read();
  done.catch(() => undefined);
  return {
    /** Resolves at the end of the output; rejects with what `onOutput` threw. */
    done,
    /** Only ever rejects. */
    failed: new Promise<never>((_resolve, reject) => done.catch(reject)),
    /** Stops reading once nothing has come for that long: somebody that we can't see holds the pipe. */
    endWhenIdle: (milliseconds: number) => {
      const arm = () => socket.setTimeout(milliseconds);
      socket.on('timeout', () => (isWithConsumer ? arm() : cut()));
      arm();
    },
    destroy: cut,
  };
}

/** The promise's value, or undefined when the time is over first. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  const timeout = sleep(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}

async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  const over = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: over.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    over.abort();
  }
}
