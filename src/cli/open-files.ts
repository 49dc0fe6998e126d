import { readFileSync } from 'node:fs';
import { AssayError } from '../errors.js';

/** With fewer, not even the modules of a command can be loaded, and Node says that packages are missing. */
const LEAST = 160;

/** How many files this process may have open, after Node has raised its own bound; undefined where the system doesn't tell. */
export function openFilesLimit(): number | undefined {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

/** Throws `open_files_limit` where no command can work. */
export function checkOpenFiles(): void {
  const limit = openFilesLimit();
  if (limit !== undefined && limit < LEAST)
    throw new AssayError(
      'open_files_limit',
      `only ${limit} files may be open here, at least ${LEAST} are needed`,
    );
}
