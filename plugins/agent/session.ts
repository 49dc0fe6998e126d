import { AssayError, type Clock, type Container } from '../../src/index.js';
import { readFileIn, writeFileIn } from './session/files.js';
import { outputSink } from './session/output.js';
import { type Ending, type Shell, startShell } from './session/shell.js';
import { type Supervisor, startSupervisor } from './session/supervisor.js';

export interface CommandResult {
  /** stdout and stderr in the order of writing, after what background processes have printed since the last command. */
  readonly output: string;
  /** Null: killed at a limit, of time or of output. */
  readonly exitCode: number | null;
  readonly isTimeout: boolean;
  /** Characters that are missing in the middle of `output`. */
  readonly truncatedChars: number;
  readonly cwd: string;
  /** The shell had ended (`exit`, `exec`, `kill -9 $$`): there is a new one, in the same folder if that is still there. */
  readonly restarted: boolean;
  /** No shell can be had any more, for what commands did: files can't be read or written, either, and calls for that reject with {@link SessionBroken}. */
  readonly isBroken?: true;
  readonly seconds: number;
}

/** No shell can run where there was one: commands removed it, say. That is no fault of the machine. */
export class SessionBroken extends Error {
  override readonly name = 'SessionBroken';
}

export interface CommandLimits {
  readonly seconds: number;
  readonly outputChars: number;
}

/** A shell that keeps its state from command to command. One call after the other is served; an infra AssayError ends it. */
export interface Session {
  /** Runs shell lines, without stdin. An abort stops them as their time limit would, then rejects with its reason. */
  run(command: string, limits: CommandLimits, signal: AbortSignal): Promise<CommandResult>;
  /** Undefined where there is no file; a path is relative to the shell's folder. Rejects with an Error in the system's words. */
  readFile(path: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Keeps mode and owner of a file that is there. Rejects with an Error in the system's words. */
  writeFile(path: string, content: string | Uint8Array, signal: AbortSignal): Promise<void>;
  cwd(): string;
  /** Ends the shell with all that it started. */
  close(): Promise<void>;
}

interface SessionOptions {
  readonly workdir: string;
  /** Shell lines that run first, in each new shell. */
  readonly activation: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The activation of an environment reads many files. */
const ACTIVATION_SECONDS = 120;
const CLOSE_MS = 2000;

/** Starts a shell in a container. Rejects with an AssayError when there can be none, `engine_failed` where its activation ends or hangs. */
export async function openSession(container: Container, options: SessionOptions): Promise<Session> {
  const { workdir, activation, clock, signal } = options;
  const sink = outputSink();
  let supervisor: Supervisor | undefined;
  let shell: Shell | undefined;
  let isClosed = false;
  let isRestarted = false;
  let last: Promise<unknown> = Promise.resolve();

  /** A new shell that has run lines. */
  async function begin(cwd: string, lines: string) {
    if (supervisor === undefined || supervisor.isOver()) {
      // Rejects where it wasn't a command that ended it.
      await supervisor?.over;
      if (isClosed) throw new AssayError('interrupted', 'the session is closed');
      // A command may have removed the first folder.
      const folder = supervisor === undefined ? workdir : '/';
      supervisor = await startSupervisor({ container, workdir: folder, clock, signal, sink });
    }
    const started = startShell({ supervisor, sink, clock, cwd });
    shell = started;
    const { stoppedBy } = await started.execute(lines, ACTIVATION_SECONDS, signal);
    signal.throwIfAborted();
    if (supervisor.isOver()) await supervisor.over;
    return { supervisor, shell: started, stoppedBy };
  }

  /** The shell: a new one where there is none, or where it has ended. */
  async function living(): Promise<{ readonly supervisor: Supervisor; readonly shell: Shell }> {
    if (supervisor !== undefined && shell !== undefined && !shell.isOver()) return { supervisor, shell };
    isRestarted = shell !== undefined;
    const cwd = shell?.cwd() ?? workdir;
    const begun = await begin(cwd, `{ :;${activation}\n} >/dev/null 2>&1`);
    if (isRestarted) {
      if (!begun.shell.isOver()) return begun;
      // What could be made active at first is broken by commands: the shell is as they left it.
      const plain = await begin(cwd, ':');
      if (plain.shell.isOver()) throw new SessionBroken('no shell can be started any more');
      return plain;
    }
    if (begun.shell.isOver() || begun.stoppedBy !== undefined)
      throw new AssayError(
        'engine_failed',
        `the activation of the shell ${begun.stoppedBy ? 'hangs' : 'ends it'}`,
      );
    return begun;
  }

  /** One at a time. */
  function inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const result = last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  }

  async function run(command: string, limits: CommandLimits, signal: AbortSignal): Promise<CommandResult> {
    sink.limit(limits.outputChars);
    let ending: Ending | undefined;
    let isBroken = false;
    const tried = (work: () => Promise<unknown>) =>
      work().catch((error: unknown) => {
        if (!(error instanceof SessionBroken)) throw error;
        isBroken = true;
      });
    const execute = async () => {
      ending = await (await living()).shell.execute(command, limits.seconds, signal);
    };
    await tried(execute);
    // The last command may have ended the shell, or made it useless, after its own end.
    if (ending?.hasBegun === false) await tried(execute);
    const { text, truncatedChars } = sink.take();
    if (!isBroken) await tried(living);
    const { exitCode = null, stoppedBy, seconds = 0 } = ending ?? {};
    if (stoppedBy === 'abort') signal.throwIfAborted();
    const restarted = isRestarted && !isBroken;
    isRestarted = false;
    return {
      output: text,
      exitCode: stoppedBy === undefined ? exitCode : null,
      isTimeout: stoppedBy === 'time',
      truncatedChars,
      cwd: shell?.cwd() ?? workdir,
      restarted,
      ...(isBroken ? { isBroken } : {}),
      seconds,
    };
  }

  const close = async () => {
    isClosed = true;
    await sink.during(async () => supervisor?.close(CLOSE_MS));
  };

  try {
    await inTurn(signal, living);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    run: (command, limits, signal) => inTurn(signal, () => run(command, limits, signal)),
    readFile: (path, signal) =>
      inTurn(signal, async () => readFileIn({ ...(await living()), sink, clock, signal, path })),
    writeFile: (path, content, signal) =>
      inTurn(signal, async () => writeFileIn({ ...(await living()), sink, clock, signal, path, content })),
    cwd: () => shell?.cwd() ?? workdir,
    close,
  };
}
