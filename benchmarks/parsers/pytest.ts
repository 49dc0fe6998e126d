import type { LogParser, TestStatus } from '../../src/index.js';
import { eachLine, skipSpace, statusAt, statusBefore, toStatus, wordEnd, words } from './text.js';

/** How versions of the official parsers differ. */
export interface Dialect {
  /** SWE-bench 5 drops pytest's `SKIPPED [3] path: reason` summary and keeps ids that hold spaces. */
  readonly v5: boolean;
  /** SWE-rebench V2 doesn't know the status and its v2 parser stops at a line that has no id. */
  readonly xfail: boolean;
}

/** `STATUS id ...` at the start of a line; `rename` may change the id. */
export function pytestParser(dialect: Dialect, rename?: (id: string) => string): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    eachLine(log, (start, end) => {
      const begins = known(statusAt(log, start), dialect);
      if (begins === undefined) return;
      const wordStop = wordEnd(log, start + begins.length, end);
      const idStart = skipSpace(log, wordStop, end);
      let id = log.slice(idStart, wordEnd(log, idStart, end));
      if (id === '-' && begins === 'FAILED') id = words(withoutDashes(log.slice(start, end)), 2)[1] ?? '';
      if (id === '') return;
      const status = wordStop - start === begins.length ? begins : 'OTHER';
      if (dialect.v5 && status === 'SKIPPED' && isCount(id)) return;
      statuses.set(rename === undefined ? id : rename(id), status);
    });
    return statuses;
  };
}

/** The id of a test whose option is a path keeps the last part only: `test[/a/b]` -> `test[/b]`. */
export function shortenPathOption(id: string): string {
  const open = id.indexOf('[');
  const close = id.lastIndexOf(']');
  if (open === -1 || close < open) return id;
  const option = id.slice(open + 1, close);
  const isPath = option.startsWith('/') && !option.startsWith('//') && !option.includes('*');
  return `${id.slice(0, open)}[${isPath ? option.slice(option.lastIndexOf('/')) : option}]`;
}

/** Matplotlib's tests show an enum in their ids that prints differently from one Python to another. */
export function plainMouseButtons(id: string): string {
  return id.replaceAll('MouseButton.LEFT', '1').replaceAll('MouseButton.RIGHT', '3');
}

const COLOUR = /\[\p{Nd}+m/gu;
const CONTROL = /[\x01-\x1f]/g;

/** `STATUS id` or, as older pytest prints, `id STATUS`; colours and control characters are removed first. */
export function pytestV2Parser(dialect: Dialect): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    let refused = false;
    eachLine(log, (start, end) => {
      if (start === end || !mayHoldStatus(log, start, end)) return;
      const line = log.slice(start, end).replace(COLOUR, '').replace(CONTROL, '');
      const begins = known(statusAt(line, 0), dialect);
      if (begins === undefined && known(statusBefore(line, line.length), dialect) === undefined) return;
      const [word, id] =
        begins === undefined ? statusLast(line, dialect) : statusFirst(line, begins, dialect);
      if (id === '') refused ||= !dialect.xfail;
      else if (!(begins && dialect.v5 && word === 'SKIPPED' && isCount(id.split(' ', 1)[0] ?? ''))) {
        statuses.set(id, toStatus(word));
      }
    });
    return refused ? undefined : statuses;
  };
}

type WordAndId = readonly [word: string, id: string];

function statusFirst(line: string, begins: TestStatus, dialect: Dialect): WordAndId {
  if (!dialect.v5) {
    const [word = '', id = ''] = words(begins === 'FAILED' ? withoutDashes(line) : line, 2);
    return [word, id];
  }
  const dash = begins === 'FAILED' ? line.indexOf(' - ') : -1;
  const end = dash === -1 ? line.length : dash;
  const wordStop = wordEnd(line, 0, end);
  return [line.slice(0, wordStop), joinedWords(line.slice(skipSpace(line, wordStop, end), end))];
}

/** Words with one space between them; most ids are one word already. */
function joinedWords(text: string): string {
  return wordEnd(text, 0, text.length) === text.length ? text : words(text).join(' ');
}

function statusLast(line: string, dialect: Dialect): WordAndId {
  if (dialect.v5) {
    const all = words(line);
    return [all.pop() ?? '', all.join(' ')];
  }
  const [id = '', word] = words(line, 2);
  return word === undefined ? [id, ''] : [word, id];
}

/** `STATUS id` for failures, `STATUS id` or `id STATUS` for passes, nothing else (seaborn). */
export function seabornParser(dialect: Dialect): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    let refused = false;
    eachLine(log, (start, end) => {
      const line = log.slice(start, end);
      const begins = statusAt(line, 0);
      const holdsPassed = begins !== 'FAILED' && line.includes(' PASSED ');
      if (begins !== 'FAILED' && begins !== 'PASSED' && !holdsPassed) return;
      const [first = '', second] = words(line, 2);
      if (second === undefined) refused ||= !dialect.v5;
      else if (!holdsPassed) statuses.set(second, begins === 'FAILED' ? 'FAILED' : 'PASSED');
      else if (second === 'PASSED') statuses.set(first, 'PASSED');
    });
    return refused ? undefined : statuses;
  };
}

/** The reference takes every ` - ` out of a FAILED line; that matters only before the id. */
function withoutDashes(line: string): string {
  return line.replaceAll(' - ', ' ');
}

/** Whether an id is the count of pytest's summary of skipped tests, `SKIPPED [3] path:line: reason`. */
function isCount(id: string): boolean {
  return id.startsWith('[') && /^\[\p{Nd}+\]$/u.test(id);
}

function known(status: TestStatus | undefined, dialect: Dialect): TestStatus | undefined {
  return status === 'XFAIL' && !dialect.xfail ? undefined : status;
}

/** A cheap look at both ends of a line: a status can stand there, or something that will be removed. */
function mayHoldStatus(log: string, start: number, end: number): boolean {
  const first = log.charCodeAt(start);
  const last = log.charCodeAt(end - 1);
  return first < 32 || last < 32 || FIRST.has(first) || LAST.has(last);
}

const FIRST = new Set([...'FPSEX['].map((char) => char.charCodeAt(0)));
const LAST = new Set([...'DRLm'].map((char) => char.charCodeAt(0)));
