import { type Excerpt, excerptWriter } from './excerpt.js';

/** A command is stopped when it has printed this much. */
const MAX_BYTES = 64 * 2 ** 20;
/** Between commands, background processes that have printed this much must wait. */
const MAX_LATE_BYTES = 2 ** 20;
const LATE_CHARS = 2 ** 16;

/** Where the output of a session goes, from one command's end to the next one's. */
export interface OutputSink {
  write(bytes: Uint8Array): void;
  /** Undefined, or what to wait for before more is read. */
  mayRead(): Promise<void> | undefined;
  /** From now on at most that many characters are kept, after what has come since the last `take`. */
  limit(chars: number): void;
  take(): Excerpt;
  /** Reads on while the work is done; calls once when that has brought too much. */
  during<T>(work: () => Promise<T>, onFull?: () => void): Promise<T>;
}

export function outputSink(): OutputSink {
  let writer = excerptWriter(LATE_CHARS);
  let missing = 0;
  let bytes = 0;
  let full: (() => void) | undefined;
  let isReading = false;
  let readOn = () => {};
  const take = () => {
    const { text, truncatedChars } = writer.end();
    const taken = { text, truncatedChars: truncatedChars + missing };
    writer = excerptWriter(LATE_CHARS);
    missing = 0;
    return taken;
  };
  return {
    take,
    write(chunk) {
      writer.write(chunk);
      bytes += chunk.length;
      if (bytes < MAX_BYTES) return;
      full?.();
      full = undefined;
    },
    mayRead() {
      if (isReading || bytes < MAX_LATE_BYTES) return undefined;
      return new Promise((resolve) => {
        readOn = resolve;
      });
    },
    limit(chars) {
      const late = take();
      missing = late.truncatedChars;
      writer = excerptWriter(chars);
      writer.write(Buffer.from(late.text));
    },
    async during(work, onFull) {
      isReading = true;
      bytes = 0;
      full = onFull;
      readOn();
      try {
        return await work();
      } finally {
        isReading = false;
        bytes = 0;
        full = undefined;
      }
    },
  };
}
