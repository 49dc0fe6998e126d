import { AssayError } from '../errors.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { isObject } from '../util/json-file.js';
import { shown } from '../util/words.js';

/** A row as every source gives it: plain JSON values, without null members. */
export type Row = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 64;

/** sha256 of the row's canonical JSON: the same from Parquet, JSON lines and JSON. */
export function rowHash(row: Row): string {
  return sha256(canonicalJson(row));
}

/**
 * A row of any reader as plain JSON: dates as ISO 8601, 64-bit integers as numbers (text when too large), typed
 * arrays as lists. Members that are null are dropped, since Parquet can't tell them from absent ones.
 * Throws AssayError(bad_dataset) when it is no object or nested beyond 64 levels.
 */
export function plainRow(value: unknown): Row {
  const row = plain(value, 0);
  if (!isObject(row)) throw new AssayError('bad_dataset', `expected an object, got ${shown(value)}`);
  return row;
}

/** A row of any reader as one line of JSON, nulls included: read again, it has the same hash. */
export function rowLine(row: unknown): string {
  const unfitForJson = (value: unknown) => typeof value === 'bigint' || ArrayBuffer.isView(value);
  return JSON.stringify(row, (_, value: unknown) => (unfitForJson(value) ? plain(value, 0) : value));
}

function plain(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new AssayError('bad_dataset', `nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === 'bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return plain(Array.from(value as Uint8Array), depth);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  const members = Object.entries(value).map(([name, member]) => [name, plain(member, depth + 1)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== null && member !== undefined));
}
