/**
 * A key that stands twice in the outermost object of a valid JSON text, where `JSON.parse` would keep the last
 * value in silence; undefined when there is none.
 */
export function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  // Strings, and the brackets between them; everything else is skipped.
  const token = /"(?:[^"\\]|\\[\s\S])*"|[{}[\]]/g;
  let depth = 0;
  for (const match of json.matchAll(token)) {
    const [text] = match;
    if (text === '{' || text === '[') depth++;
    else if (text === '}' || text === ']') depth--;
    else if (
      depth === 1 &&
      /^\s*:/.test(json.slice(match.index + text.length, match.index + text.length + 100))
    ) {
      const key: unknown = JSON.parse(text);
      if (typeof key === 'string') {
        if (seen.has(key)) return key;
        seen.add(key);
      }
    }
  }
  return undefined;
}
