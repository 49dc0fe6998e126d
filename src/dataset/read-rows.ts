import { basename } from 'node:path';
import { AssayError } from '../errors.js';
import { hasCode } from '../util/files.js';
import { type FileBytes, parseJsonFile, readBytes } from '../util/json-file.js';
import { messageOf } from '../util/words.js';
import { parquetReader } from './parquet.js';

/** File names that hold rows. */
export const DATA_FILE = /\.(parquet|jsonl|json)(\.gz)?$/i;

export interface FileRows {
  readonly rows: readonly unknown[];
  /** Of the file as it lies on disk. */
  readonly sha256: string;
}

/** The rows of a local `.parquet`, `.jsonl` or `.json` file (a list or one row), each also gzip. Throws AssayError. */
export async function readRows(path: string): Promise<FileRows> {
  const name = basename(path);
  if (!DATA_FILE.test(name))
    throw new AssayError('unknown_dataset', `${path}: not a .parquet, .jsonl or .json file (each also .gz)`);
  const parse = /\.parquet(\.gz)?$/i.test(name) ? await parquetReader(name) : jsonRows(name);
  const { bytes, sha256 } = await load(path);
  try {
    const rows = await parse(bytes);
    if (rows.length === 0) throw new Error(`${name}: holds no rows`);
    return { rows, sha256 };
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

function jsonRows(name: string): (bytes: Uint8Array) => readonly unknown[] {
  return (bytes) => {
    const content = parseJsonFile(bytes, name);
    return content.kind === 'object' ? [content.value] : content.records.map((record) => record.value);
  };
}
