/**
 * A key that stands twice in the outermost object of a valid JSON text, where `JSON.parse` would keep the last
 * value in silence; undefined when there is none.
 */
export function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  // The position where a string at depth 1 would be a key.
  let isKey = false;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '{' || char === '[') {
      depth++;
      isKey = depth === 1;
    } else if (char === '}' || char === ']') depth--;
    else if (char === ',') isKey = depth === 1;
    else if (char === '"') {
      const end = endOfString(json, at);
      if (isKey && depth === 1) {
        const key = String(JSON.parse(json.slice(at, end + 1)));
        if (seen.has(key)) return key;
        seen.add(key);
      }
      isKey = false;
      at = end;
    }
  }
  return undefined;
}

/** Position of the quote that ends the string which starts at `start`. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return json.length;
}
