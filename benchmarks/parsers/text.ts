import type { TestStatus } from '../../src/index.js';

/** Whether a UTF-16 unit is white space for Python's `str.split`, `strip` and `\s` (not the same set as JavaScript's). */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** Calls `visit` with the bounds of each line, as Python's `text.split('\n')` would give them. */
export function eachLine(text: string, visit: (start: number, end: number) => void): void {
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    visit(start, end);
    start = end + 1;
  }
  visit(start, text.length);
}

/** Index of the first white space from `start` on, at most `end`. */
export function wordEnd(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && !isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The first `limit` words of a text, as Python's `text.split()` would give them. */
export function words(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const found: string[] = [];
  let at = 0;
  while (found.length < limit) {
    const start = skipSpace(text, at, text.length);
    if (start === text.length) break;
    at = wordEnd(text, start, text.length);
    found.push(text.slice(start, at));
  }
  return found;
}

/** Index of the first unit from `start` on that isn't white space, at most `end`. */
export function skipSpace(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** Index after the last unit before `end` that isn't white space, at least `start`. */
export function trimmedEnd(text: string, start: number, end: number): number {
  let at = end;
  while (at > start && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

/** Python's `text.strip()`. */
export function strip(text: string): string {
  const start = skipSpace(text, 0, text.length);
  return text.slice(start, trimmedEnd(text, start, text.length));
}

/** The status with which a text begins at `at`, or undefined. */
export function statusAt(text: string, at: number): TestStatus | undefined {
  switch (text.charCodeAt(at)) {
    case 70: // F
      return text.startsWith('FAILED', at) ? 'FAILED' : undefined;
    case 80: // P
      return text.startsWith('PASSED', at) ? 'PASSED' : undefined;
    case 83: // S
      return text.startsWith('SKIPPED', at) ? 'SKIPPED' : undefined;
    case 69: // E
      return text.startsWith('ERROR', at) ? 'ERROR' : undefined;
    case 88: // X
      return text.startsWith('XFAIL', at) ? 'XFAIL' : undefined;
    default:
      return undefined;
  }
}

/** The status with which a text ends at `end`, or undefined. */
export function statusBefore(text: string, end: number): TestStatus | undefined {
  switch (text.charCodeAt(end - 1)) {
    case 68: // D
      if (text.endsWith('PASSED', end)) return 'PASSED';
      if (text.endsWith('FAILED', end)) return 'FAILED';
      return text.endsWith('SKIPPED', end) ? 'SKIPPED' : undefined;
    case 82: // R
      return text.endsWith('ERROR', end) ? 'ERROR' : undefined;
    case 76: // L
      return text.endsWith('XFAIL', end) ? 'XFAIL' : undefined;
    default:
      return undefined;
  }
}

/** The status that a word is, `OTHER` if it is none. */
export function toStatus(word: string): TestStatus {
  const status = statusAt(word, 0);
  return status !== undefined && status.length === word.length ? status : 'OTHER';
}

/** A search for `needle` that goes forward only: each call gives the first occurrence at or after `from`, or Infinity. */
export function forwardFinder(text: string, needle: string): (from: number) => number {
  let next = -1;
  return (from) => {
    if (next < from) {
      next = text.indexOf(needle, from);
      if (next === -1) next = Number.POSITIVE_INFINITY;
    }
    return next;
  };
}

/** A Python 3 pattern as a RegExp: `\s`, `\d`, `\w` as Python means them, `.` is anything but `\n`; anchors are left as they are. */
export function pythonPattern(source: string, flags = ''): RegExp {
  const translated = source.replace(/\\([sSdw])|\[(?:\\.|[^\]\\])*\]|\\.|\./gsu, (piece, kind: string) =>
    piece === '.' ? '[^\\n]' : kind === undefined ? inClass(piece) : CLASSES[kind as keyof typeof CLASSES],
  );
  return new RegExp(translated, `${flags}u`);
}

const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const CLASSES = { s: `[${SPACE}]`, S: `[^${SPACE}]`, d: '\\p{Nd}', w: '[\\p{L}\\p{N}_]' };

function inClass(piece: string): string {
  return piece.startsWith('[')
    ? piece.replace(
        /\\([sdw])/g,
        (_, kind: string) => ({ s: SPACE, d: '\\p{Nd}', w: '\\p{L}\\p{N}_' })[kind] ?? '',
      )
    : piece;
}
