import { randomUUID } from 'node:crypto';

/** A command as it is given to the engine, and its output without what we added. */
export interface OnePipe {
  readonly argv: readonly string[];
  /** The output of the command, when all that the engine sends is passed through. */
  output(pieces: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** True once the output holds its own end. */
  isWhole(): boolean;
}

/** The mark as it is printed; in one piece it stands nowhere else, not in the arguments of a process either. */
export const endMark = (nonce: string) => `<assay ${nonce} end>`;

const SCRIPT =
  'nonce=$1; shift; exec 2>/dev/null; "$@" 2>&1; code=$?; printf "<assay %s end>" "$nonce"; exit $code';

/**
 * Gives a command one pipe for both streams. Docker copies two pipes separately, and then a marker that bash traces on stderr overtook
 * the last lines of stdout in 11 of 60 runs: a test result outside its markers is a wrong verdict. The shell prints a mark behind the
 * output: the engine's stream ends by being closed, and a connection that is cut looks the same.
 */
export function onePipe(argv: readonly string[]): OnePipe {
  const nonce = randomUUID();
  const mark = Buffer.from(endMark(nonce));
  let isWhole = false;
  return {
    argv: ['/bin/sh', '-c', SCRIPT, 'sh', nonce, ...argv],
    isWhole: () => isWhole,
    async *output(pieces) {
      let held = Buffer.alloc(0);
      for await (const piece of pieces) {
        let bytes = held.length === 0 ? piece : Buffer.concat([held, piece]);
        const at = isWhole ? -1 : bytes.indexOf(mark);
        if (at !== -1) {
          isWhole = true;
          // Processes that outlive the command print behind it.
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + mark.length)]);
        }
        const keep = isWhole ? 0 : startAtEnd(bytes, mark);
        held = Buffer.from(bytes.subarray(bytes.length - keep));
        if (bytes.length > keep) yield bytes.subarray(0, bytes.length - keep);
      }
      if (held.length > 0) yield held;
    },
  };
}

/** How many of the last bytes may be the first ones of the mark. */
function startAtEnd(bytes: Buffer, mark: Buffer): number {
  let length = Math.min(mark.length - 1, bytes.length);
  while (!bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) length--;
  return length;
}
