const DEFAULTS = { delimiter: ',', newline: '\n', header: true, columns: null };

function quoteField(value) {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function columnsOf(records) {
  const names = new Set();
  for (const record of records) for (const name of Object.keys(record)) names.add(name);
  return [...names];
}

/**
 * Delimited text of rows (arrays) or records (objects). Records get a header line unless `header` is false;
 * `columns` chooses and orders their fields. The text ends with a newline unless there is nothing to write.
 */
export function stringify(items, options = {}) {
  const { delimiter, newline, header, columns } = { ...DEFAULTS, ...options };
  const line = (fields) => fields.map((field) => quoteField(field)).join(delimiter) + newline;
  if (items.length === 0) return columns && header ? line(columns) : '';
  if (Array.isArray(items[0])) return items.map(line).join('');
  const names = columns ?? columnsOf(items);
  const body = items.map((record) => line(names.map((name) => record[name])));
  return (header ? line(names) : '') + body.join('');
}
