import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/util/package.js';

const MAIN = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');

/** A command that goes on until it is told to stop. */
export interface Daemon {
  readonly child: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly lines: readonly string[];
  /** Sends the signal and waits for the end; gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface DaemonOptions {
  /** Keeps tests apart. */
  readonly cache: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets the process before it is ready, to send it signals. */
  readonly onStart?: (child: ChildProcess) => void;
  /** A program that runs the command, and its arguments. */
  readonly under?: readonly string[];
}

/** `assay` in a process of its own, when it has said the line that `ready` matches; `said` is its first group. */
export async function startDaemon(
  args: readonly string[],
  ready: RegExp,
  { cache, cwd, env, onStart, under = [] }: DaemonOptions,
): Promise<Daemon & { readonly said: string }> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not built: npm run build`);
  const [program = '', ...rest] = [...under, process.execPath, MAIN, ...args];
  const child = spawn(program, rest, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env['PATH'], HOME: cache, ASSAY_CACHE: cache, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onStart?.(child);
  const lines: string[] = [];
  const ended = once(child, 'close');
  const said = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      lines.push(line);
      const found = ready.exec(line);
      if (found !== null) resolve(found[1] ?? '');
    });
    void ended.then(([code]) =>
      reject(new Error(`assay ${args[0]} ended with ${code}: ${lines.join('\n')}`)),
    );
  });
  return {
    said,
    child,
    lines,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}

interface WorkerOptions extends DaemonOptions {
  readonly queue: string;
  readonly leaseSeconds: number;
}

/** `assay worker sample` with two slots, when it takes gradings. */
export function startWorker(
  args: readonly string[],
  { queue, leaseSeconds, ...options }: WorkerOptions,
): Promise<Daemon> {
  return startDaemon(
    ['worker', 'sample', '--queue', queue, '-j', '2', '--lease', `${leaseSeconds}s`, ...args],
    / instances for the queue/,
    options,
  );
}
