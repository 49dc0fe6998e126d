import type { TSchema } from 'typebox';
import { AssayError } from '../errors.js';
import { schemaFault } from '../util/schema.js';

/** Checks a row against a schema. Throws AssayError(bad_dataset) with the field and its value. */
export function checkRow(row: Readonly<Record<string, unknown>>, schema: TSchema): void {
  const fault = schemaFault(row, schema);
  if (fault !== undefined) throw new AssayError('bad_dataset', fault);
}
