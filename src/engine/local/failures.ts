import { AssayError } from '../../errors.js';
import { hasCode } from '../../util/files.js';

/** An error of the file system or of a helper command as AssayError: `disk_full` where space ran out, else `engine_failed`. */
export function engineFailure(what: string, error: unknown): AssayError {
  if (error instanceof AssayError) return error;
  const message = (error instanceof Error ? error.message : String(error)).trim();
  const full =
    hasCode(error, 'ENOSPC') ||
    hasCode(error, 'EDQUOT') ||
    /No space left on device|quota exceeded/i.test(message);
  return new AssayError(full ? 'disk_full' : 'engine_failed', `local engine: ${what}: ${message}`, {
    cause: error,
  });
}

/** Runs a step; rejects with the signal's reason when it was aborted, else with {@link engineFailure}. */
export async function step<T>(
  what: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw engineFailure(what, error);
  }
}

/** Rejects what only a container engine can do: `engine_failed`. */
export async function dockerOnly(what: string): Promise<never> {
  throw new AssayError(
    'engine_failed',
    `the local engine can't ${what}: images are built with --engine docker`,
  );
}
