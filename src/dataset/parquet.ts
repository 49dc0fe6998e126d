import type { FileMetaData, SchemaTree } from 'hyparquet';
import { messageOf } from '../util/words.js';
import type { Row } from './row.js';

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Loads the library; the result gives all rows of a Parquet file in memory, or rejects with an Error that starts
 * with `name`.
 */
export async function parquetReader(name: string): Promise<(bytes: Uint8Array) => Promise<Row[]>> {
  const [{ parquetMetadata, parquetReadObjects, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  return async (bytes) => {
    try {
      const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
      const buffer = whole.buffer as ArrayBuffer;
      const metadata = parquetMetadata(buffer);
      checkMetadata(metadata, parquetSchema(metadata), bytes.byteLength);
      return await parquetReadObjects({
        file: { byteLength: bytes.byteLength, slice: (start, end) => buffer.slice(start, end) },
        metadata,
        compressors,
        // The default decoder drops a byte order mark at the start of a value.
        parsers: { stringFromBytes: (value: Uint8Array | undefined) => value && utf8.decode(value) },
      });
    } catch (error) {
      throw new Error(`${name}: not a readable Parquet file: ${messageOf(error)}`, { cause: error });
    }
  };
}

/**
 * The library reads the columns of a row group at once and waits only for those that the schema names: a column
 * besides them that fails would end the process. It also makes as many rows as the footer says.
 */
function checkMetadata(metadata: FileMetaData, schema: SchemaTree, bytes: number): void {
  const expected = leaves(schema).sort();
  if (new Set(expected).size < expected.length) throw new Error('a column is there twice');
  let rows = 0;
  for (const group of metadata.row_groups) {
    const paths = group.columns.map((column) => column.meta_data?.path_in_schema.join('\n') ?? '');
    if (paths.sort().join('\n\n') !== expected.join('\n\n'))
      throw new Error('a row group has other columns than the schema');
    rows += Number(group.num_rows);
  }
  // Every row has its own instance_id.
  if (!(rows <= bytes)) throw new Error(`${rows} rows in ${bytes} bytes`);
}

function leaves(tree: SchemaTree): string[] {
  return tree.children.length === 0 ? [tree.path.join('\n')] : tree.children.flatMap(leaves);
}
