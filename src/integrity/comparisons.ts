/** What decides that two things are equal, or that one is in order: a change within such a function may name nothing else. */
const COMPARES = /^\s*def __(eq|ne|lt|le|gt|ge|hash|bool|contains)__\b/;

const OPENS = /^(\s*)(?:async\s+def|def|class)\s/;

/** The methods for comparisons in which Python files were changed, by a diff that shows the files whole. */
export function changedComparisons(diff: string): readonly string[] {
  const found = new Set<string>();
  let around: { readonly indent: number; readonly line: string }[] = [];
  for (const text of diff.split('\n')) {
    if (text.startsWith('@@')) around = [];
    const line = text.slice(1);
    const indent = line.search(/\S/);
    if (indent === -1 || !' +-'.includes(text[0] ?? '@')) continue;
    if (text[0] !== ' ')
      for (const one of [...around.filter((other) => other.indent < indent), { line }])
        if (COMPARES.test(one.line)) found.add(one.line.trim());
    if (text[0] !== '-' && OPENS.test(line))
      around = [...around.filter((other) => other.indent < indent), { indent, line }];
  }
  return [...found];
}
