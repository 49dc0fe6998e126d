import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type Clock, type Container, packageRoot, within } from '../../../src/index.js';
import { messageSplitter } from './messages.js';
import type { OutputSink } from './output.js';

interface SupervisorOptions {
  readonly container: Container;
  readonly workdir: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly sink: OutputSink;
}

interface Request {
  readonly verb: 'start' | 'run' | 'stop' | 'read' | 'write';
  readonly args?: readonly string[];
  readonly body?: string;
  readonly onAnswer?: (words: string) => void;
}

/** A running `supervisor.sh`. */
export interface Supervisor {
  /** Sends a request; its answers come until the function that is returned has been called. */
  ask(request: Request): () => void;
  /** Resolves when it has been ended, from inside or by `close`; rejects when container or engine failed. */
  readonly over: Promise<void>;
  isOver(): boolean;
  /** Ends it with all that it started; after `ms` milliseconds without it. */
  close(ms: number): Promise<void>;
}

const SCRIPT = 'plugins/agent/session/supervisor.sh';
/** Takes the script from stdin: as an argument, `ps` would show all of it to whoever looks at the processes. */
const BOOT = 'IFS= read -rN "$1" script && eval "$script"';

/** Starts the supervisor in a container; what becomes of it is told by `over`. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { container, workdir, clock, signal, sink } = options;
  const script = await readFile(join(packageRoot(), SCRIPT), 'latin1');
  const stdin = new PassThrough();
  const closed = new AbortController();
  const receivers = new Map<string, (words: string) => void>();
  const split = messageSplitter({ receiverOf: (key) => receivers.get(key), onOutput: sink.write });
  let isOver = false;
  const run = async () => {
    try {
      await container.exec({
        argv: ['bash', '--noprofile', '--norc', '-c', BOOT, 'session', String(script.length)],
        workdir,
        stdin,
        signal: AbortSignal.any([signal, closed.signal]),
        onOutput: (chunk) => {
          split(chunk);
          return sink.mayRead();
        },
      });
    } catch (error) {
      if (!closed.signal.aborted) throw error;
    } finally {
      isOver = true;
    }
  };
  stdin.on('error', () => undefined);
  stdin.write(script);
  const over = run();
  over.catch(() => undefined);
  return {
    over,
    isOver: () => isOver,
    ask({ verb, args = [], body = '', onAnswer }) {
      const key = randomBytes(16).toString('hex');
      if (onAnswer !== undefined) receivers.set(key, onAnswer);
      if (stdin.writable) stdin.write(`${[verb, key, body.length, ...args].join(' ')}\n${body}`);
      return () => void receivers.delete(key);
    },
    async close(ms) {
      stdin.end();
      await within(
        over.catch(() => undefined),
        ms,
        clock,
      );
      closed.abort();
      await over.catch(() => undefined);
    },
  };
}

/** A text as bash reads it: ASCII only, on one line, without NULs, which no argument can hold. */
export function quoted(text: string): string {
  const bytes = Buffer.from(text).toString('latin1');
  const escaped = bytes.replace(/[^ -&(-[\]-~]/g, (byte) =>
    byte === '\0' ? '' : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `$'${escaped}'`;
}
