import type { StatusMap, TestStatus } from '../../src/index.js';
import { eachLine, forwardFinder, isSpace, skipSpace, strip, trimmedEnd, words } from './text.js';

const DOTS = ' ... ';
const PASSES = [' ... ok', ' ... OK', ' ...  OK'];
const VERSION_TEST = '--version is equivalent to version';
/** django-7188 prints this test's result after the name of a migration. */
const MIGRATION_NOISE = 'Applying sites.0002_alter_domain_unique...test_no_migrations';

/** Where a match ends, or from where on the next one can be looked for. */
interface Ending {
  readonly matched: boolean;
  readonly next: number;
}

/** Texts that Django prints between a test's name and its `ok`, and how each ends; the test counts as passed. */
const INTERRUPTIONS: readonly { text: string; ending: (log: string, at: number) => Ending }[] = [
  { text: 'Testing against Django installed in ', ending: afterInstalledIn },
  { text: 'Internal Server Error: /', ending: afterServerError },
  { text: 'System check identified no issues (0 silenced)\nok', ending: atLineEnd },
];

/** Django's own test runner at verbosity 2: `name (path) ... ok`. */
export function parseDjango(log: string): StatusMap | undefined {
  const statuses = new Map<string, TestStatus>();
  const versionTest = forwardFinder(log, VERSION_TEST);
  const dots = forwardFinder(log, DOTS);
  let previous: string | undefined;
  let refused = false;

  eachLine(log, (rawStart, rawEnd) => {
    const start = skipSpace(log, rawStart, rawEnd);
    const end = trimmedEnd(log, start, rawEnd);
    if (versionTest(start) < end) statuses.set(VERSION_TEST, 'PASSED');
    let line: string | undefined;
    if (dots(start) + DOTS.length <= end) {
      line = log.slice(start, end);
      previous = before(line, DOTS);
      line = dottedResults(line, statuses);
    } else if (isPlainResult(log, start)) line = log.slice(start, end);
    if (line === undefined) return;
    for (const [mark, suffix, status] of [
      ['FAIL:', ' ... FAIL', 'FAILED'],
      ['ERROR:', ' ... ERROR', 'ERROR'],
    ] as const) {
      if (line.endsWith(suffix)) statuses.set(before(line, suffix), status);
      if (!line.startsWith(mark)) continue;
      const name = words(line, 2)[1];
      if (name === undefined) refused = true;
      else statuses.set(name, status);
    }
    if (line.startsWith('ok') && previous !== undefined) statuses.set(previous, 'PASSED');
  });

  for (const interruption of INTERRUPTIONS) addInterrupted(log, interruption, statuses);
  return refused ? undefined : statuses;
}

/** Passed and skipped tests of a line that holds the dots; returns the line as the later rules see it. */
function dottedResults(line: string, statuses: Map<string, TestStatus>): string {
  let rest = line;
  const suffix = PASSES.find((pass) => line.endsWith(pass));
  if (suffix !== undefined) {
    if (line.startsWith(MIGRATION_NOISE)) rest = strip(line.slice(line.indexOf('...') + 3));
    statuses.set(rest.slice(0, -suffix.length), 'PASSED');
  }
  if (rest.includes(' ... skipped')) statuses.set(before(rest, ' ... skipped'), 'SKIPPED');
  return rest;
}

function isPlainResult(log: string, start: number): boolean {
  const first = log[start];
  if (first === 'F') return log.startsWith('FAIL:', start);
  if (first === 'E') return log.startsWith('ERROR:', start);
  return first === 'o' && log.startsWith('ok', start);
}

function before(line: string, mark: string): string {
  const at = line.indexOf(mark);
  return at === -1 ? line : line.slice(0, at);
}

/** Finds `name ... <text>` where the interruption ends in a line `ok`; matches don't overlap. */
function addInterrupted(
  log: string,
  { text, ending }: (typeof INTERRUPTIONS)[number],
  statuses: Map<string, TestStatus>,
): void {
  let matchedTo = 0;
  let next = 0;
  for (let at = log.indexOf(text); at !== -1; at = log.indexOf(text, next)) {
    next = at + 1;
    // one white space on each side of the three dots; either may be a line end
    const nameEnd = at - 5;
    if (nameEnd < 0 || !isSpace(log.charCodeAt(at - 1)) || !log.startsWith('...', at - 4)) continue;
    if (!isSpace(log.charCodeAt(nameEnd))) continue;
    const nameStart = nameEnd === 0 ? 0 : log.lastIndexOf('\n', nameEnd - 1) + 1;
    if (nameStart < matchedTo) continue;
    const end = ending(log, at + text.length);
    next = end.next;
    if (!end.matched) continue;
    statuses.set(log.slice(nameStart, nameEnd), 'PASSED');
    matchedTo = end.next;
  }
}

function afterInstalledIn(log: string, from: number): Ending {
  const tail = ' silenced).\nok';
  for (let at = log.indexOf(tail, from); at !== -1; at = log.indexOf(tail, at + 1)) {
    const end = atLineEnd(log, at + tail.length);
    if (end.matched) return end;
  }
  return { matched: false, next: log.length };
}

function afterServerError(log: string, from: number): Ending {
  const newline = log.indexOf('\n', from);
  if (newline === -1) return { matched: false, next: log.length };
  const closed = newline > from && log[newline - 1] === '/' && log.startsWith('ok', newline + 1);
  return closed ? atLineEnd(log, newline + 3) : { matched: false, next: newline };
}

function atLineEnd(log: string, at: number): Ending {
  return { matched: at === log.length || log[at] === '\n', next: at };
}
