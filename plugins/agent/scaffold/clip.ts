/** The first `length` characters, or one less where the cut would go through one. */
export function head(text: string, length: number): string {
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, '');
}

/** A line as it is shown: what is beyond `length` characters is counted, not shown. */
export function shortened(line: string, length: number): string {
  if (line.length <= length) return line;
  const start = head(line, length);
  return `${start}… (${line.length - start.length} more characters)`;
}

/** Start and end of a text that is longer than `length`, with a line between that says how much was left out. */
export function clipped(text: string, length: number): { readonly text: string; readonly cut: number } {
  if (text.length <= length) return { text, cut: 0 };
  const start = head(text, Math.ceil(length / 2));
  const end = text.slice(text.length - Math.floor(length / 2)).replace(/^[\udc00-\udfff]/, '');
  const cut = text.length - start.length - end.length;
  return { text: `${start}\n[... ${cut} characters left out ...]\n${end}`, cut };
}
