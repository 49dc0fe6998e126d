import { basename } from 'node:path';
import { AssayError } from '../errors.js';
import { hasCode } from '../util/files.js';
import { type FileBytes, type JsonRecord, parseJsonFile, readBytes } from '../util/json-file.js';
import { messageOf } from '../util/words.js';
import { parquetReader } from './parquet.js';

/** File names that hold rows. */
export const DATA_FILE = /\.(parquet|jsonl|json)(\.gz)?$/i;

export interface FileRows {
  readonly rows: readonly unknown[];
  /** The bytes of each row as they stand in a file of JSON lines, without the newline; undefined for rows of other files. */
  readonly lines: readonly (Uint8Array | undefined)[];
  /** Of the file as it lies on disk. */
  readonly sha256: string;
}

/** The rows of a local `.parquet`, `.jsonl` or `.json` file (a list or one row), each also gzip. Throws AssayError. */
export async function readRows(path: string): Promise<FileRows> {
  const name = basename(path);
  if (!DATA_FILE.test(name))
    throw new AssayError('unknown_dataset', `${path}: not a .parquet, .jsonl or .json file (each also .gz)`);
  const parse = /\.parquet(\.gz)?$/i.test(name) ? await parquetRecords(name) : jsonRecords(name);
  const { bytes, sha256 } = await load(path);
  try {
    const records = await parse(bytes);
    if (records.length === 0) throw new Error(`${name}: holds no rows`);
    return { rows: records.map(({ value }) => value), lines: records.map(({ line }) => line), sha256 };
  } catch (error) {
    throw new AssayError('bad_dataset', messageOf(error), { cause: error });
  }
}

async function load(path: string): Promise<FileBytes> {
  try {
    return await readBytes(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new AssayError('unknown_dataset', `${path}: no such file`);
    throw new AssayError('bad_dataset', `${path}: ${messageOf(error)}`);
  }
}

type FileRecord = Pick<JsonRecord, 'value' | 'line'>;

async function parquetRecords(name: string): Promise<(bytes: Uint8Array) => Promise<FileRecord[]>> {
  const read = await parquetReader(name);
  return async (bytes) => (await read(bytes)).map((value) => ({ value }));
}

function jsonRecords(name: string): (bytes: Uint8Array) => readonly FileRecord[] {
  return (bytes) => {
    const content = parseJsonFile(bytes, name);
    return content.kind === 'object' ? [content] : content.records;
  };
}
