/** First byte of an answer in the stream of output. */
const MARK = 0x1e;
/** Characters of a key. */
const KEY_LENGTH = 32;
/** Longer than any answer: what has no end by then is output. */
const MAX_ANSWER = 8192;

interface Receivers {
  /** Takes the words of an answer where the key is one that was asked with; else the bytes are output. */
  readonly receiverOf: (key: string) => ((words: string) => void) | undefined;
  readonly onOutput: (bytes: Buffer) => void;
}

/** Tells the answers of a supervisor from the output around them, chunk by chunk. */
export function messageSplitter({ receiverOf, onOutput }: Receivers): (chunk: Uint8Array) => void {
  let held: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = Buffer.concat([held, chunk]);
    let start = 0;
    const passUpTo = (end: number) => {
      if (end > start) onOutput(bytes.subarray(start, end));
      start = end;
    };
    let at = bytes.indexOf(MARK);
    while (at !== -1) {
      const words = at + KEY_LENGTH + 2;
      // Too short to tell yet.
      if (words > bytes.length) break;
      const receive = receiverOf(bytes.toString('latin1', at + 1, at + 1 + KEY_LENGTH));
      const end = receive === undefined ? -1 : bytes.indexOf(0, words);
      if (receive !== undefined && end === -1 && bytes.length - at < MAX_ANSWER) break;
      if (receive !== undefined && end !== -1) {
        passUpTo(at);
        start = end + 1;
        receive(bytes.toString('utf8', words, end));
      }
      at = bytes.indexOf(MARK, Math.max(start, at + 1));
    }
    passUpTo(at === -1 ? bytes.length : at);
    held = bytes.subarray(start);
  };
}
