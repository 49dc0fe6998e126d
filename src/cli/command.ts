import type { Argv } from 'yargs';
import type { Host } from './host.js';

/** A command as `main.ts` registers it. `run` loads its code when called, so that `--help` stays fast; it returns the exit code. */
export interface Command {
  readonly command: string;
  readonly aliases?: string[];
  readonly describe: string;
  readonly builder: (yargs: Argv) => Argv;
  readonly run: (args: Readonly<Record<string, unknown>>, host: Host) => Promise<number>;
}

/** A command whose first word names an action, e.g. `images`. */
export interface CommandGroup {
  readonly command: string;
  readonly describe: string;
  /** Command and what it shows. */
  readonly example: readonly [string, string];
  readonly actions: readonly Command[];
}
