import { mkdir, open, readFile, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { AssayError, hasCode, messageOf, schemaFault } from '../../src/index.js';

/** What a training run has done, line by line: it goes on after the last line. */
export interface Journal<T> {
  /** Those that were there, and what was appended since. */
  readonly entries: readonly T[];
  /** Resolves when the line is on the disk. */
  append(entry: T): Promise<void>;
}

const NEWLINE = 10;

/** Opens a journal of JSON lines, made if need be. A last line that a kill has cut short is removed; any other damage is `run_damaged`. One process at a time: the caller holds the lock of the run. */
export async function openJournal<S extends TSchema>(path: string, schema: S): Promise<Journal<Static<S>>> {
  await mkdir(dirname(path), { recursive: true });
  const { bytes, whole } = await readLines(path);
  if (whole < bytes.length) await truncate(path, whole);
  const entries = entriesOf(bytes.subarray(0, whole), schema, path);
  return {
    entries,
    async append(entry) {
      const file = await open(path, 'a');
      try {
        await file.writeFile(`${JSON.stringify(entry)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      entries.push(entry);
    },
  };
}

/** The entries of a journal that another process may be writing; none where there is no file. */
export async function readJournal<S extends TSchema>(path: string, schema: S): Promise<readonly Static<S>[]> {
  const { bytes, whole } = await readLines(path);
  return entriesOf(bytes.subarray(0, whole), schema, path);
}

async function readLines(path: string): Promise<{ readonly bytes: Buffer; readonly whole: number }> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return Buffer.alloc(0);
    throw error;
  });
  return { bytes, whole: bytes.lastIndexOf(NEWLINE) + 1 };
}

function entriesOf<S extends TSchema>(bytes: Buffer, schema: S, path: string): Static<S>[] {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  return lines.map((line, index) => parse(line, schema, `${path}:${index + 1}`));
}

function parse<S extends TSchema>(line: string, schema: S, where: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new AssayError('run_damaged', `${where} is not JSON: ${messageOf(error)}`);
  }
  const fault = schemaFault(value, schema);
  if (fault !== undefined)
    throw new AssayError('run_damaged', `${where} is not what a training run writes: ${fault}`);
  return value as Static<S>;
}
