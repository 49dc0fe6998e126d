import { messageOf } from '../util/words.js';
import type { Row } from './row.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Loads the library; the result gives all rows of a Parquet file in memory, or rejects with an Error that starts with `name`. */
export async function parquetReader(name: string): Promise<(bytes: Uint8Array) => Promise<Row[]>> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  return async (bytes) => {
    const { buffer } = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
    const rows = parquetReadObjects({
      file: {
        byteLength: bytes.byteLength,
        slice: (start, end) => (buffer as ArrayBuffer).slice(start, end),
      },
      compressors,
      // The default decoder drops a byte order mark at the start of a value.
      parsers: { stringFromBytes: (value: Uint8Array | undefined) => value && utf8.decode(value) },
    });
    return await rows.catch((error) => {
      throw new Error(`${name}: not a readable Parquet file: ${messageOf(error)}`, { cause: error });
    });
  };
}
