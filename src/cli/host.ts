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
  /** A command to the CI server that reads our output; nothing that `out` and `err` print is one. */
  readonly command: (line: string) => void;
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
  const printable = env['GITHUB_ACTIONS'] === 'true' ? (text: string) => noCommand(harmless(text)) : harmless;
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('this process cannot find itself');
  return {
    env,
    cwd: process.cwd(),
    home,
    cacheDir: env['ASSAY_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(home, '.cache'), 'assay'),
    clock,
    self,
    out: (text) => process.stdout.write(`${printable(text)}\n`),
    outFile: (content) => process.stdout.write(`${process.stdout.isTTY ? harmless(content) : content}\n`),
    err: (text) => process.stderr.write(`${printable(text)}\n`),
    command: (line) => process.stderr.write(`${harmless(line)}\n`),
    isTerminal: process.stderr.isTTY === true && env['CI'] === undefined,
  };
}

/**
 * Text of a stranger for the log of a GitHub Actions job, whose runner obeys lines that start with `::` and what follows `##[`: spelled out
 * as in JSON. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
export function noCommand(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1\\u003a').replace(/#(?=#\[)/g, '\\u0023');
}
