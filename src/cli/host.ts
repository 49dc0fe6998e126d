import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../util/clock.js';
import { identifyProcess, type ProcessIdentity } from '../util/process.js';
import { harmless } from '../util/words.js';

/** What the commands take from the machine: the only reader of the environment, the clock and the terminal. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cacheDir: string;
  readonly home: string;
  readonly clock: Clock;
  readonly self: ProcessIdentity;
  /** Results; like `err` fit for a terminal, wherever they go. */
  readonly out: (text: string) => void;
  /** A file of a run, to stdout: as it is, unless that is a terminal. */
  readonly outFile: (content: string) => void;
  /** Progress, warnings, errors. */
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
}

const clock: Clock = {
  now: () => performance.now(),
  iso: () => new Date().toISOString(),
  after(ms, fire) {
    // Longer ones would fire at once.
    const timer = setTimeout(fire, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** The real machine. Our cache is `ASSAY_CACHE`, else `$XDG_CACHE_HOME/assay`, else `~/.cache/assay`. */
export function realHost(): Host {
  const { env } = process;
  const home = homedir();
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('this process cannot find itself');
  return {
    env,
    cwd: process.cwd(),
    home,
    cacheDir: env['ASSAY_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'assay'),
    clock,
    self,
    out: (text) => process.stdout.write(`${harmless(text)}\n`),
    outFile: (content) => process.stdout.write(`${process.stdout.isTTY ? harmless(content) : content}\n`),
    err: (text) => process.stderr.write(`${harmless(text)}\n`),
    isTerminal: process.stderr.isTTY === true && env['CI'] === undefined,
  };
}
