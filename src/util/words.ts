/** The `count` candidates nearest to `word` by edit distance, at most two edits away, nearest first. */
export function nearest(word: string, candidates: Iterable<string>, count = 3): string[] {
  const limit = 2;
  const near: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word, candidate, limit);
    if (distance <= limit) near.push({ candidate, distance });
  }
  return near
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map((item) => item.candidate);
}

/** Levenshtein distance, or more than `limit` as soon as it is certain to be. */
function editDistance(a: string, b: string, limit: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(swap, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    if (Math.min(...row) > limit) return limit + 1;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** A value as short text for an error message, cut at `limit` characters. */
export function shown(value: unknown, limit = 80): string {
  if (value === undefined) return 'missing';
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return cut(text, limit);
}

/** A text for an error message, cut at `limit` characters. */
export function cut(text: string, limit = 80): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

/** `a, b, c and 4 more`: a list for an error message. */
export function listed(items: readonly string[], limit = 10): string {
  const head = items.slice(0, limit).join(', ');
  return items.length <= limit ? head : `${head} and ${items.length - limit} more`;
}

/** `a, b (did you mean c?)` for unknown words; hints for the first five. */
export function withHints(ids: readonly string[], known: Iterable<string>): string {
  const candidates = [...known];
  const lines = ids.slice(0, 10).map((id, i) => {
    const near = i < 5 ? nearest(id, candidates) : [];
    return near.length === 0 ? cut(id) : `${cut(id)} (did you mean ${near.join(' or ')}?)`;
  });
  return listed([...lines, ...ids.slice(10)]);
}

/** What a thrown value says. Errors of other realms (workers, test sandboxes) count too. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}

/**
 * Text of a stranger for a terminal: characters that would steer it, or turn the direction of text, are spelled out as in JSON,
 * e.g. `\u001b`; lines and tabs stay. JSON still says the same.
 */
export function harmless(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for people, in powers of 1024 as the flags read them: `1.23 GiB`. */
export function showBytes(bytes: number): string {
  let step = 0;
  let value = bytes;
  for (; value >= 1000 && step < STEPS.length - 1; step++) value /= 1024;
  return `${step === 0 ? value : value.toPrecision(3)} ${STEPS[step]}`;
}
