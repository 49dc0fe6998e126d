import type { Row } from './row.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** All rows of a Parquet file in memory. Rejects with the reader's own errors. The reader is loaded on first use. */
export async function parquetRows(bytes: Uint8Array): Promise<Row[]> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const buffer = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : new Uint8Array(bytes).buffer;
  return await parquetReadObjects({
    file: { byteLength: bytes.byteLength, slice: (start, end) => (buffer as ArrayBuffer).slice(start, end) },
    compressors,
    // The default decoder drops a byte order mark at the start of a value.
    parsers: { stringFromBytes: (value: Uint8Array | undefined) => value && utf8.decode(value) },
  });
}
