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
  /** The action that the word alone stands for; absent: an action must be named. */
  readonly bare?: string;
  readonly actions: readonly Command[];
}

/** The word that names a command or an action, without its arguments. */
export function wordOf({ command }: { readonly command: string }): string {
  return command.split(' ', 1)[0] ?? command;
}
