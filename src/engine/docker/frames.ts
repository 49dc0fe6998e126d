import { Transform } from 'node:stream';
import { AssayError } from '../../errors.js';

const HEADER = 8;
/** The engine's own error text, sent as a frame of type 3, is cut at this length. */
const MAX_ERROR_BYTES = 4096;

/** First bytes of a broken stream, printable, for the message of an error. */
function excerpt(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 60).toString('latin1'));
}

/**
 * Turns the engine's multiplexed stream (8-byte headers: type, three zeros, big-endian length) into the bytes of its
 * output. The frames of one chunk come out as one piece, so a chatty log costs one copy and few calls. A bad header, an error frame or
 * an end in the middle of a frame is `engine_failed`.
 */
export function frameSplitter(): Transform {
  const header = Buffer.alloc(HEADER);
  let headerBytes = 0;
  let type = 0;
  let left = 0;
  let engineError = '';

  function openFrame(): void {
    type = header.readUInt8(0);
    if (type > 3 || header.readUIntBE(1, 3) !== 0) {
      throw new AssayError(
        'engine_failed',
        `the output stream of an exec is not framed: it holds ${excerpt(header)}`,
      );
    }
    left = header.readUInt32BE(4);
    headerBytes = 0;
  }

  function split(chunk: Buffer, push: (output: Buffer) => void): void {
    let whole: Buffer = chunk;
    let start = 0;
    let end = 0;

    const addPiece = (from: number, to: number) => {
      if (end === 0) {
        start = from;
        end = to;
        return;
      }
      if (whole === chunk) {
        whole = Buffer.allocUnsafe(chunk.length);
        end = chunk.copy(whole, 0, start, end);
        start = 0;
      }
      end += chunk.copy(whole, end, from, to);
    };

    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const take = Math.min(HEADER - headerBytes, chunk.length - at);
        for (let i = 0; i < take; i++) header[headerBytes + i] = chunk[at + i] as number;
        headerBytes += take;
        at += take;
        if (headerBytes < HEADER) break;
        openFrame();
      } else {
        const to = Math.min(at + left, chunk.length);
        if (type !== 3) addPiece(at, to);
        else if (engineError.length < MAX_ERROR_BYTES) engineError += chunk.toString('utf8', at, to);
        left -= to - at;
        at = to;
      }
      if (left === 0 && engineError !== '') {
        throw new AssayError(
          'engine_failed',
          `the engine says: ${engineError.slice(0, MAX_ERROR_BYTES).trim()}`,
        );
      }
    }
    if (end > start) push(whole.subarray(start, end));
  }

  return new Transform({
    readableObjectMode: true,
    transform(chunk: Buffer, _encoding, done) {
      try {
        split(chunk, (output) => this.push(output));
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      if (headerBytes === 0 && left === 0) return done();
      const where =
        left > 0 ? `${left} bytes before the end of a frame` : `after ${headerBytes} bytes of a header`;
      done(new AssayError('engine_failed', `the output stream of an exec ended ${where}`));
    },
  });
}
