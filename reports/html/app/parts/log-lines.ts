/** Whole lines of a log, with the ends of lines as the grader reads them: `\r\n` and `\r` are `\n`. */
export interface LogBlock {
  /** Index of its first line in the log, from 0. */
  readonly first: number;
  readonly text: string;
  /** Where each of its lines starts in `text`. */
  readonly starts: Uint32Array;
}

/** A place that readers jump to. */
export interface LogMark {
  readonly kind: 'start' | 'end' | 'failure' | 'traceback';
  /** From 0. */
  readonly line: number;
}

/** As much of a log as has been read. */
export interface LogText {
  readonly lines: number;
  readonly blocks: readonly LogBlock[];
  readonly marks: readonly LogMark[];
}

/** Characters of a block: enough that there are few, few enough that one is searched within a frame. */
const BLOCK = 256 * 1024;

/** A log can be all failures: of more than these the first are kept. */
const MOST_FAILURES = 5000;

const MARKS =
  />>>>> (Start|End) Test Output|^[ \t]*(?:(Traceback \(most recent call last\))|(?:FAILED|ERROR)[ :]|FAIL(?::| )|not ok \d|✖ |✗ |--- FAIL|.* \.\.\. ?(?:FAIL|ERROR)|.* (?:FAILED|ERROR)(?: +\[ *\d+%\])?$|_{3,} .* _{3,}$)/gm;

/** Takes the text of a log piece by piece; reading and finding places cost one pass. */
export function logBuilder() {
  const blocks: LogBlock[] = [];
  const marks: LogMark[] = [];
  let lines = 0;
  let failures = 0;
  let pieces: string[] = [];
  let size = 0;
  let held = '';
  function close(text: string): void {
    const block = { first: lines, text, starts: lineStarts(text) };
    blocks.push(block);
    lines += block.starts.length;
    for (const mark of marksOf(block)) {
      const isOne = mark.kind === 'failure' || mark.kind === 'traceback';
      if (!isOne || failures++ < MOST_FAILURES) marks.push(mark);
    }
  }
  return {
    push(chunk: string): void {
      const raw = held + chunk;
      // The `\n` of this `\r` may be in the next piece.
      held = raw.endsWith('\r') ? '\r' : '';
      const text = (held === '' ? raw : raw.slice(0, -1)).replace(/\r\n?/g, '\n');
      size += text.length;
      // Only what is new is looked at: a log can be one line.
      const end = size < BLOCK ? -1 : text.lastIndexOf('\n');
      if (end === -1) {
        pieces.push(text);
        return;
      }
      close([...pieces, text.slice(0, end + 1)].join(''));
      pieces = [text.slice(end + 1)];
      size = text.length - end - 1;
    },
    end(): void {
      const text = [...pieces, held === '' ? '' : '\n'].join('');
      pieces = [];
      if (text !== '') close(text);
    },
    /** What has been read; blocks and marks of an earlier answer stay as they were. */
    text: (): LogText => ({ lines, blocks: [...blocks], marks: [...marks] }),
  };
}

/** The line at an index from 0, without its end; empty beyond the last. */
export function lineAt(log: LogText, index: number): string {
  const block = log.blocks[lastAtMost(log.blocks.length, (at) => (log.blocks[at] as LogBlock).first, index)];
  if (block === undefined || index - block.first >= block.starts.length) return '';
  return lineOf(block, index - block.first);
}

/** Indexes of the lines of a block in which a pattern (with the flag `g`) matches, each once. */
export function matchingLines({ first, text, starts }: LogBlock, pattern: RegExp): readonly number[] {
  const found: number[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const line = lastAtMost(starts.length, (at) => starts[at] as number, match.index);
    found.push(first + line);
    pattern.lastIndex = starts[line + 1] ?? text.length;
    if (line + 1 === starts.length) break;
  }
  return found;
}

/** Finds a text as it is written, in any case of its letters. */
export function textPattern(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gi');
}

/** What a log may call an expected test, the best first: its id, then its last part, then the function of `name (module.Class)`. */
export function namesOf(test: string): readonly string[] {
  const last = test.split(/::| > | \| /).at(-1) ?? test;
  const plain = last.replace(/\[.*\]$| \([\w.]+\)$/, '');
  return [...new Set([test, last, plain])].filter((name) => name !== '');
}

/** ECMA-48 sequences, of which colours are the common ones, and titles of windows. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g;

/** A line without what only colours it. */
export function withoutColours(line: string): string {
  return line.includes('\u001b') ? line.replace(ESCAPES, '') : line;
}

function* marksOf(block: LogBlock): Generator<LogMark> {
  for (const { 0: whole, 1: marker, 2: traceback, index } of block.text.matchAll(MARKS)) {
    const at = index + whole.search(/\S/);
    const line = block.first + lastAtMost(block.starts.length, (n) => block.starts[n] as number, at);
    if (marker !== undefined) yield { kind: marker === 'Start' ? 'start' : 'end', line };
    else yield { kind: traceback === undefined ? 'failure' : 'traceback', line };
  }
}

function lineStarts(text: string): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < text.length; ) {
    starts.push(at);
    const end = text.indexOf('\n', at);
    at = end === -1 ? text.length : end + 1;
  }
  return Uint32Array.from(starts);
}

function lineOf({ text, starts }: LogBlock, index: number): string {
  const end = starts[index + 1] ?? text.length;
  return text.slice(starts[index], text[end - 1] === '\n' ? end - 1 : end);
}

/** The last of `count` rising numbers that is at most `limit`; 0 where none is. */
function lastAtMost(count: number, numberAt: (index: number) => number, limit: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (numberAt(middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
