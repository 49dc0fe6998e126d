import { type Clock, within } from '../../../src/index.js';
import type { OutputSink } from './output.js';
import { quoted, type Supervisor } from './supervisor.js';

/** How a command ended. */
export interface Ending {
  /** False where the shell was over, or can't be used any more; it is over then. */
  readonly hasBegun: boolean;
  readonly exitCode: number;
  /** What made us stop it. */
  readonly stoppedBy?: 'time' | 'output' | 'abort';
  readonly seconds: number;
}

/** One shell of a session, from its start until it ends. */
export interface Shell {
  /** Its process id; there is one once a command has been executed. */
  pid(): string;
  cwd(): string;
  isOver(): boolean;
  /** Runs shell lines until they, or the shell, have ended; after `seconds`, too much output or an abort they are stopped. */
  execute(lines: string, seconds: number, signal: AbortSignal): Promise<Ending>;
}

/** Signals for a shell whose command must end, and how long it has each time, in milliseconds. INT wakes it from opening a pipe. */
const STOPS = [
  { signals: ['RTMAX'], ms: 500 },
  { signals: ['RTMAX', 'INT'], ms: 1500 },
  { signals: ['RTMAX', 'INT'], ms: 3000 },
  { signals: ['KILL'], ms: 10_000 },
];
/** Exit code of what SIGKILL has ended. */
const KILLED = 137;

interface ShellOptions {
  readonly supervisor: Supervisor;
  readonly sink: OutputSink;
  readonly clock: Clock;
  /** Where it starts, if that folder is there. */
  readonly cwd: string;
}

/** Starts a shell; what is asked of it waits until it stands. */
export function startShell({ supervisor, sink, clock, cwd: start }: ShellOptions): Shell {
  let pid = '';
  let cwd = start;
  let isOver = false;
  let exitCode = KILLED;
  const over = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    supervisor.over.then(end, end);
    supervisor.ask({
      verb: 'start',
      args: [quoted(start)],
      onAnswer: (words) => {
        const [what, value = ''] = words.split(' ');
        if (what === 'shell') pid = value;
        else {
          exitCode = Number(value);
          end();
        }
      },
    });
  });

  /** Sends lines; `ended` resolves when they have ended, or the shell. */
  function send(lines: string) {
    let hasBegun = false;
    let code: number | undefined;
    let forget = () => {};
    const ended = new Promise<void>((resolve) => {
      forget = supervisor.ask({
        verb: 'run',
        body: quoted(`exec 99<&-;${lines}`),
        onAnswer: (words) => {
          const [, exit, folder] = words.match(/^end (\d+) (.*)$/s) ?? [];
          if (exit === undefined) hasBegun = true;
          else {
            code = Number(exit);
            cwd = folder || cwd;
            resolve();
          }
        },
      });
    });
    return { ended: Promise.race([ended, over]), hasBegun: () => hasBegun, code: () => code, forget };
  }

  /** Ends what runs, at last with the shell or the supervisor. */
  async function stop(ended: Promise<void>, steps = STOPS): Promise<void> {
    for (const { signals, ms } of steps) {
      supervisor.ask({ verb: 'stop', args: [pid, ...signals] });
      if (!(await isIn(ended, ms))) continue;
      // A signal that comes late must meet this command, not the next one.
      const settling = send(':');
      const isSettled = await isIn(settling.ended, ms);
      settling.forget();
      if (isSettled && (isOver || settling.hasBegun())) return;
    }
    await supervisor.close(0);
  }

  const isIn = async (promise: Promise<void>, ms: number) =>
    (await within(
      promise.then(() => true),
      ms,
      clock,
    )) ?? false;

  return {
    pid: () => pid,
    cwd: () => cwd,
    isOver: () => isOver,
    async execute(lines, seconds, signal) {
      const started = clock.now();
      let stoppedBy: Ending['stoppedBy'];
      let stopped: Promise<void> | undefined;
      const command = send(lines);
      const stopFor = (reason: Ending['stoppedBy']) => {
        stoppedBy ??= reason;
        stopped ??= stop(command.ended);
      };
      const cancel = clock.after(seconds * 1000, () => stopFor('time'));
      const onAbort = () => stopFor('abort');
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      try {
        await sink.during(
          async () => {
            await command.ended;
            await stopped;
            // A shell that may open no more files, say.
            if (!command.hasBegun() && !isOver) await stop(over, STOPS.slice(-1));
          },
          () => stopFor('output'),
        );
      } finally {
        cancel();
        signal.removeEventListener('abort', onAbort);
        command.forget();
      }
      return {
        hasBegun: command.hasBegun(),
        exitCode: command.code() ?? exitCode,
        stoppedBy,
        seconds: (clock.now() - started) / 1000,
      };
    },
  };
}
