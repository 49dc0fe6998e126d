import type { TSchema } from 'typebox';
import { AssayError } from '../errors.js';
import type { Instance, RowFormat } from '../model/instance.js';
import { listed } from '../util/words.js';
import { checkRow } from './check.js';
import { plainRow, type Row, rowHash } from './row.js';

/** One shape of rows, told apart by its fields. Made in `datasets/*`. */
export interface DatasetFormat {
  readonly rowFormat: RowFormat;
  /** Looks at field names only: a matching row may still be invalid. */
  matches(row: Row): boolean;
  readonly schema: TSchema & { readonly required?: readonly string[] };
  /** Called with a row that passed the schema; throws AssayError(bad_dataset) naming field and value. */
  toInstance(row: Row, rowHash: string): Instance;
}

/** Rows to Instances, in order. Throws AssayError(bad_dataset) naming file, row number (from 1), field and value. */
export function toInstances(options: {
  readonly rows: readonly unknown[];
  readonly formats: readonly DatasetFormat[];
  /** For error messages. */
  readonly file: string;
}): Instance[] {
  const { rows, formats, file } = options;
  const numberOf = new Map<string, number>();
  return rows.map((row, index) => {
    const instance = locate(file, index + 1, row, () => oneInstance(row, formats));
    const earlier = numberOf.get(instance.instanceId);
    if (earlier !== undefined)
      throw new AssayError(
        'bad_dataset',
        `${file}: rows ${earlier} and ${index + 1} both have the instance_id "${instance.instanceId}"`,
      );
    numberOf.set(instance.instanceId, index + 1);
    return instance;
  });
}

function oneInstance(row: unknown, formats: readonly DatasetFormat[]): Instance {
  const known = plainRow(row);
  const format = formats.find((candidate) => candidate.matches(known));
  if (format === undefined) throw unknownShape(known, formats);
  checkRow(known, format.schema);
  return format.toInstance(known, rowHash(known));
}

function unknownShape(row: Row, formats: readonly DatasetFormat[]): AssayError {
  const needs = formats.map(({ rowFormat, schema }) => `${rowFormat}: ${(schema.required ?? []).join(', ')}`);
  return new AssayError(
    'bad_dataset',
    `the fields fit no known row format; the row has ${listed(Object.keys(row), 30) || 'no fields'}`,
    { detail: `Each format needs these fields:\n${needs.join('\n')}` },
  );
}

/** Puts file, row number and instance id in front of an error of one row. */
function locate<T>(file: string, number: number, row: unknown, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const id = (row as { instance_id?: unknown } | null)?.instance_id;
    const where = `${file}, row ${number}${typeof id === 'string' ? ` (${id.slice(0, 80)})` : ''}`;
    if (error instanceof AssayError)
      throw new AssayError(error.code, `${where}: ${error.message}`, {
        cause: error,
        ...(error.detail === undefined ? {} : { detail: error.detail }),
      });
    throw error;
  }
}
