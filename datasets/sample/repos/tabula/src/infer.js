const TRUE = new Set(['true', 'yes']);
const FALSE = new Set(['false', 'no']);
const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z)?$/;

/** The value that a text stands for: number, boolean, Date (ISO 8601, UTC), null for blank, else the text. */
export function inferValue(text) {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const lower = trimmed.toLowerCase();
  if (TRUE.has(lower)) return true;
  if (FALSE.has(lower)) return false;
  if (ISO_DATE.test(trimmed)) {
    const date = new Date(trimmed);
    return Number.isNaN(date.getTime()) ? text : date;
  }
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : text;
}

function kindOf(value) {
  if (value === null) return 'blank';
  return value instanceof Date ? 'date' : typeof value;
}

/** Records with typed values. A column is only converted when all its non-blank values have the same type. */
export function inferTable(records) {
  if (records.length === 0) return [];
  const typed = records.map((record) =>
    Object.fromEntries(Object.entries(record).map(([name, text]) => [name, inferValue(text)])),
  );
  const mixed = Object.keys(records[0]).filter((name) => {
    const kinds = new Set(typed.map((record) => kindOf(record[name])));
    kinds.delete('blank');
    return kinds.size > 1;
  });
  return typed.map((record, i) => {
    const result = { ...record };
    for (const name of mixed) result[name] = records[i][name];
    return result;
  });
}

/** Count, minimum, maximum, mean and median of the numbers in a column; blanks are left out. */
export function summarize(records, column) {
  const values = records.map((record) => record[column]).filter((value) => typeof value === 'number');
  if (values.length === 0) return { count: 0, min: null, max: null, mean: null, median: null };
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return {
    count: sorted.length,
    min: sorted[0],
    max: sorted.at(-1),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    median: sorted[middle],
  };
}
