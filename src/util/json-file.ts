import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { sha256 } from './hash.js';
import { messageOf, shown } from './words.js';

const MAX_BYTES = 2 ** 31 - 1;

export interface FileBytes {
  /** Unpacked when the file was gzip. */
  readonly bytes: Buffer;
  /** Of the file as it lies on disk; equals `sha256sum`. */
  readonly sha256: string;
}

/** A whole file, unpacked if its first bytes say gzip (whatever its name). Rejects with Node's own errors. */
export async function readBytes(path: string): Promise<FileBytes> {
  const raw = await readFile(path);
  const packed = raw[0] === 0x1f && raw[1] === 0x8b;
  const bytes = packed ? await promisify(gunzip)(raw, { maxOutputLength: MAX_BYTES }) : raw;
  return { bytes, sha256: sha256(raw) };
}

/** One JSON value of a file and where it stands, e.g. `preds.jsonl:12` or `preds.json[11]`. */
export interface JsonRecord {
  readonly where: string;
  readonly value: unknown;
  /** Its bytes as they stand in a file of JSON lines, without the newline. */
  readonly line?: Uint8Array;
}

/** A JSON file is a list of records (JSON list or JSON lines) or one object. */
export type JsonContent =
  | { readonly kind: 'list'; readonly records: readonly JsonRecord[] }
  | { readonly kind: 'object'; readonly value: Readonly<Record<string, unknown>> };

/**
 * Parses a `.json` or `.jsonl` file (told by `name`); a `.json` that holds JSON lines is read as such.
 * Blank lines and a byte order mark are skipped. Throws an Error whose message names the line.
 */
export function parseJsonFile(bytes: Uint8Array, name: string): JsonContent {
  const isLines = /\.jsonl(\.gz)?$/i.test(name);
  if (isLines) return { kind: 'list', records: parseLines(bytes, name) };
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes));
  } catch (error) {
    const records = attempt(() => parseLines(bytes, name));
    if (records !== undefined && records.length > 1) return { kind: 'list', records };
    throw new Error(`${name}: ${messageOf(error)}`);
  }
  if (Array.isArray(value))
    return { kind: 'list', records: value.map((item, i) => ({ where: `${name}[${i}]`, value: item })) };
  if (isObject(value)) return { kind: 'object', value };
  throw new Error(`${name}: expected a list or an object, got ${shown(value)}`);
}

/** True for a JSON object: not null, not a list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Strict UTF-8 to text, without a leading byte order mark; throws on bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`not UTF-8 text (first bad byte near offset ${firstBadByte(bytes)})`);
  }
}

function parseLines(bytes: Uint8Array, name: string): JsonRecord[] {
  const records: JsonRecord[] = [];
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline;
    const where = `${name}:${line}`;
    const content = bytes.subarray(start, end);
    try {
      const text = decodeUtf8(content);
      if (text.trim() !== '') records.push({ where, value: JSON.parse(text), line: content });
    } catch (error) {
      throw new Error(`${where}: ${messageOf(error)}`);
    }
    start = end + 1;
  }
  return records;
}

/** Bisects on prefixes; a character cut in two at the end of a prefix is not a bad byte. */
function firstBadByte(bytes: Uint8Array): number {
  const isGood = (end: number) =>
    attempt(() =>
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end), { stream: true }),
    ) !== undefined;
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isGood(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
