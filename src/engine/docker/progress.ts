import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { AssayError } from '../../errors.js';

/** One JSON line of a pull, push or load. */
export interface ProgressLine {
  readonly status?: string;
  readonly id?: string;
  readonly stream?: string;
  readonly error?: string;
  /** What a push made. */
  readonly digest?: string;
}

/**
 * Reads the JSON lines of a pull, push or load to their end and rejects with `toError(text)` on a line that reports an error: the
 * engine answers 200 first and tells of failures inside.
 */
export async function readProgress(
  answer: Readable,
  onLine: (line: ProgressLine) => void,
  toError: (text: string) => AssayError,
): Promise<void> {
  const lines = createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY });
  let failure: Error | undefined;
  answer.once('error', (error) => {
    failure = error;
    lines.close();
  });
  try {
    for await (const text of lines) {
      if (text.trim() === '') continue;
      const line = parse(text);
      if (line === undefined) throw toError(`not a line of progress: ${JSON.stringify(text.slice(0, 120))}`);
      if (line.error !== undefined) throw toError(line.error);
      onLine(line);
    }
  } finally {
    answer.destroy();
  }
  if (failure !== undefined) throw failure;
}

function parse(text: string): ProgressLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { error, errorDetail, status, id, stream, aux } = value as Record<string, unknown>;
    const detail = (errorDetail as { message?: unknown } | undefined)?.message;
    const failed = error ?? detail;
    const digest = (aux as { Digest?: unknown } | null | undefined)?.Digest;
    return {
      ...(typeof status === 'string' ? { status } : {}),
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof stream === 'string' ? { stream } : {}),
      ...(typeof digest === 'string' ? { digest } : {}),
      ...(failed === undefined ? {} : { error: String(failed) }),
    };
  } catch {
    return undefined;
  }
}
