/** Number of terminal columns that a text takes. */
export function displayWidth(text) {
  return text.length;
}

/** At most `width` columns of a text; an ellipsis marks what was cut. */
export function truncate(text, width) {
  if (displayWidth(text) <= width) return text;
  if (width <= 1) return '…'.slice(0, width);
  return `${text.slice(0, width - 1)}…`;
}

function pad(text, width, right) {
  const gap = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return right ? gap + text : text + gap;
}

function cellText(value) {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString().replace('T00:00:00.000Z', '');
  return String(value);
}

/** A text table with a ruled header; numbers stand right. `maxWidth` limits each column (default 40). */
export function render(records, { maxWidth = 40 } = {}) {
  if (records.length === 0) return '(no rows)\n';
  const names = Object.keys(records[0]);
  const columns = names.map((name) => {
    const cells = records.map((record) => truncate(cellText(record[name]), maxWidth));
    const right = records.every((record) => record[name] === null || typeof record[name] === 'number');
    const width = Math.max(...[name, ...cells].map(displayWidth));
    return { name, cells, right, width };
  });
  const line = (pick) =>
    columns
      .map((column) => pad(pick(column), column.width, column.right))
      .join('  ')
      .trimEnd();
  const rule = columns.map((column) => '-'.repeat(column.width)).join('  ');
  const body = records.map((_record, i) => line((column) => column.cells[i]));
  return `${[line((column) => column.name), rule, ...body].join('\n')}\n`;
}
