import type { Layer } from './resolve.js';

/** Settings with their values and sources as a Markdown table, one row each. */
export function sourceTable(layer: Layer): string {
  const rows = Object.entries(layer).map(
    ([path, { value, source }]) => `| \`${path}\` | ${shownValue(value)} | ${source} |`,
  );
  return ['| setting | value | source |', '|---|---|---|', ...rows, ''].join('\n');
}

/** `2/3` is 0.6667: four digits tell what no number of a paper is. */
function shownValue(value: unknown): string {
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value);
  return Number.isInteger(value) || value < 1e-3 ? String(value) : String(Number(value.toFixed(4)));
}
