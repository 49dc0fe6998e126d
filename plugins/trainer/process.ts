import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AssayError, type Clock, harmless, hasCode, within } from '../../src/index.js';

/** Far more than an answer has: ends a line without end. */
const MAX_LINE_BYTES = 16 * 2 ** 20;
const TAIL_BYTES = 4096;
const TAIL_LINES = 30;
/** How long what a process wrote before its end may take to arrive, and a killed one to end. */
const SETTLE_MS = 5000;

export interface ProcessOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Complete environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Takes what the process writes to stderr, after what is there. */
  readonly logFile: string;
  readonly clock: Clock;
  /** Kills it when aborted. */
  readonly signal: AbortSignal;
}

/** A child process that answers each line of its stdin with a line of stdout. */
export interface LineProcess {
  /**
   * The line that answers this one; no two at once. Rejects with `trainer_failed` and the end of the log where the process is over, is late (and
   * is killed for it) or writes what nobody asked for, with the signal's reason, and at once when it failed before.
   */
  ask(line: string, deadline: { readonly seconds: number; readonly what: string }): Promise<string>;
  /** Ends it, as its answers can't be trusted any more: all that is asked rejects with this error. */
  fail(error: unknown): void;
  /** Closes its stdin and waits for its end; kills it after that time. */
  end(seconds: number): Promise<void>;
  /** Aborted with the error once it is over. */
  readonly over: AbortSignal;
}

/** Starts a process in a group of its own. Rejects with `trainer_missing` where the program can't be started. */
export async function startProcess(options: ProcessOptions): Promise<LineProcess> {
  const { argv, cwd, env, logFile, clock, signal } = options;
  signal.throwIfAborted();
  await mkdir(dirname(logFile), { recursive: true });
  const log = await open(logFile, 'a+');
  try {
    const logStart = (await log.stat()).size;
    const [program = '', ...args] = argv;
    // The log is the child's own descriptor: a flood of words costs us nothing, and what it says last is there after any end.
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', log.fd] });
    await started(child, program);
    return attach(child, {
      clock,
      signal,
      logFile,
      tail: () => tailOf(log, logStart),
      close: () => log.close(),
    });
  } catch (error) {
    await log.close();
    throw error;
  }
}

function started(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(
        hasCode(error, 'ENOENT') || hasCode(error, 'EACCES')
          ? new AssayError('trainer_missing', `${program} can't be started: ${error.message}`, {
              cause: error,
            })
          : error,
      ),
    );
  });
}

interface Attachment {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly logFile: string;
  readonly tail: () => Promise<string>;
  readonly close: () => Promise<void>;
}

interface Waiting {
  readonly what: string;
  readonly resolve: (line: string) => void;
  readonly reject: (error: unknown) => void;
}

function attach(child: ChildProcess, { clock, signal, logFile, tail, close }: Attachment): LineProcess {
  let waiting: Waiting | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isOver = false;
  let isEnding = false;
  const over = new AbortController();
  const fail = (error: unknown) => {
    failure ??= { error };
    over.abort(failure.error);
    if (!isOver) killTree(child);
    waiting?.reject(failure.error);
    waiting = undefined;
  };
  const failed = async (what: string) =>
    fail(
      new AssayError('trainer_failed', `the trainer (process ${child.pid}) ${what}; its log is ${logFile}`, {
        detail: await tail(),
      }),
    );
  const onLine = (line: string) => {
    if (waiting === undefined)
      return void failed(`wrote a line that nobody asked for: ${JSON.stringify(line.slice(0, 200))}`);
    waiting.resolve(line);
    waiting = undefined;
  };
  const closed = new Promise<true>((resolve) => child.stdout?.once('close', () => resolve(true)));
  readLines(child, onLine, () => void failed(`writes a line of more than ${MAX_LINE_BYTES} bytes`));
  // What can't be written any more says nothing that its end doesn't say.
  child.stdin?.on('error', () => undefined);
  const onAbort = () => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, name) => {
      isOver = true;
      void finish(code, name).finally(resolve);
    });
  });
  const finish = async (code: number | null, name: NodeJS.Signals | null) => {
    signal.removeEventListener('abort', onAbort);
    // An answer may still be on its way. Somebody that we can't see may hold the pipe.
    await within(closed, SETTLE_MS, clock);
    child.stdout?.destroy();
    const how = name === null ? `exit code ${code}` : `signal ${name}${name === 'SIGKILL' ? KILLED : ''}`;
    const doing = waiting === undefined ? '' : ` while it was to do ${waiting.what}`;
    if (failure === undefined && !isEnding) await failed(`ended with ${how}${doing}`);
    else if (failure === undefined) fail(new AssayError('trainer_failed', `the trainer was stopped${doing}`));
    await close();
  };
  return {
    over: over.signal,
    async ask(line, { seconds, what }) {
      if (failure !== undefined) throw failure.error;
      let cancel = () => {};
      try {
        return await new Promise<string>((resolve, reject) => {
          waiting = { what, resolve, reject };
          cancel = clock.after(
            seconds * 1000,
            () => void failed(`did not answer to ${what} in ${seconds} s`),
          );
          child.stdin?.write(line);
        });
      } finally {
        cancel();
      }
    },
    fail,
    async end(seconds) {
      isEnding = true;
      child.stdin?.end();
      if (
        (await within(
          exited.then(() => true),
          seconds * 1000,
          clock,
        )) === true
      )
        return;
      if (!isOver) killTree(child);
      await within(exited, SETTLE_MS, clock);
    },
  };
}

const KILLED = ' (by hand, or by a machine that had no memory left)';

/** Calls `onLine` for each line of stdout, `onFlood` once for one that has no end. */
function readLines(child: ChildProcess, onLine: (line: string) => void, onFlood: () => void): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('error', () => undefined);
  child.stdout?.on('data', (chunk: Buffer) => {
    let rest = chunk;
    for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, at)]).toString();
      parts = [];
      bytes = 0;
      rest = rest.subarray(at + 1);
      onLine(line);
    }
    parts.push(rest);
    bytes += rest.length;
    if (bytes <= MAX_LINE_BYTES) return;
    child.stdout?.destroy();
    parts = [];
    onFlood();
  });
}

/** The last lines that the process wrote, nothing of those before it. */
async function tailOf(log: FileHandle, start: number): Promise<string> {
  const { size } = await log.stat();
  const from = Math.max(start, size - TAIL_BYTES);
  const { buffer, bytesRead } = await log.read(Buffer.alloc(size - from), 0, size - from, from);
  return harmless(buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n').slice(-TAIL_LINES).join('\n'));
}

/** Kills the process, its group, and what descends from it: torchrun's workers have groups of their own. */
function killTree({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  for (const group of [pid, ...descendantsOf(pid)]) {
    kill(-group);
    kill(group);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It is over, or leads no group.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** Where /proc says it (Linux); empty elsewhere. */
function descendantsOf(pid: number): readonly number[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return [];
  }
  const children = text.split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}
