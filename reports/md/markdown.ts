import { oneLine } from '../format.js';

/** Other people's text as plain Markdown on one line, safe in a table: nothing in it formats, links or is HTML. */
export function text(value: string): string {
  return oneLine(value).replace(/[\\`*_[\]<>|~#&!]/g, '\\$&');
}

/** Other people's text as code, safe in a table; as plain text where a code span couldn't hold it. */
export function code(value: string): string {
  const line = oneLine(value);
  return line === '' || /[`|\\]/.test(line) ? text(line) : `\`${line}\``;
}

/** A table; columns listed in `right` are numbers. Cells are Markdown already. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, column) => (right.includes(column) ? '---:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}
