import type { LogParser, StatusMap, TestStatus } from '../../src/index.js';
import { eachLine, pythonPattern, strip, trimmedEnd } from './text.js';

const SUITE = pythonPattern(String.raw`^(\w.+) \(.+\)$`);
const TEST_DOX = pythonPattern(String.raw`^\s*([✔✘↩])\s*(.*)$`);
const TEST_DOX_MARKS: Readonly<Record<string, TestStatus>> = { '✔': 'PASSED', '✘': 'FAILED', '↩': 'SKIPPED' };

/** PHPUnit with `--testdox`: `Suite (Class)`, then a mark and a name per test. Before any suite the name begins with `None`. */
export function phpunitParser(cleanName: (name: string) => string): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    let suite = 'None';
    eachLine(log, (start, end) => {
      const line = log.slice(start, end);
      const heading = line.endsWith(')') ? SUITE.exec(line)?.[1] : undefined;
      if (heading !== undefined) {
        suite = heading;
        return;
      }
      const [, mark = '', name = ''] = TEST_DOX.exec(line) ?? [];
      const status = TEST_DOX_MARKS[mark];
      if (status !== undefined) statuses.set(`${suite} > ${cleanName(name)}`, status);
    });
    return statuses;
  };
}

const KARMA = pythonPattern(String.raw`^(\s*)([✔✖])?\s(.*)$`);

/** Karma's spec reporter: suites by indent, a mark before each test; stops at the summary. */
export function parseKarma(log: string): StatusMap | undefined {
  const statuses = new Map<string, TestStatus>();
  const suites: string[] = [];
  let depth = -1;
  let state: 'before' | 'tests' | 'done' | 'refused' = 'before';
  eachLine(log, (start, end) => {
    if (state === 'done' || state === 'refused') return;
    if (log.startsWith('SUMMARY:', start)) {
      state = 'done';
      return;
    }
    const line = log.slice(start, end);
    if (line.includes('Starting browser')) {
      state = 'tests';
      return;
    }
    if (state === 'before') return;
    const match = KARMA.exec(line);
    if (match === null) return;
    const [, indent = '', mark, name = ''] = match;
    if (mark !== undefined) {
      statuses.set([...suites, name].join(' > '), mark === '✔' ? 'PASSED' : 'FAILED');
    } else if (indent.length > 0 && indent.length > depth) {
      depth = indent.length;
      suites.push(name);
    } else if (indent.length > 0 && indent.length < depth) {
      depth = indent.length;
      if (suites.pop() === undefined) state = 'refused';
    }
  });
  return (state as string) === 'refused' ? undefined : statuses;
}

const TIMES = [String.raw`[\d\.]+ms`, String.raw`[\d\.]+\ss`, String.raw`[\d\.]+s`];
const FILE_RESULTS = (['PASS', 'FAIL'] as const).flatMap((word) =>
  [...TIMES.map((time) => String.raw`^${word}\s(.*)\s\(${time}\)`), String.raw`^${word}\s(.*)`].map(
    (source) => [pythonPattern(source), word === 'PASS' ? 'PASSED' : 'FAILED'] as const,
  ),
);

/** Jest's line per file: `PASS path (1.2 s)`. */
export const parseJestFiles: LogParser = (log) => fileResults(log, FILE_RESULTS);

const FILE_RESULTS_REBENCH = (['PASS', 'FAIL'] as const).map(
  (word) =>
    [
      pythonPattern(String.raw`^${word}\s(.*?)(?:\s\([\d.]+\s*(?:ms|s)\))?$`),
      word === 'PASS' ? 'PASSED' : 'FAILED',
    ] as const,
);

/** The same as SWE-rebench V2 reads it: the duration must end the line, white space after the name goes. */
export const parseJestFilesRebench: LogParser = (log) => fileResults(log, FILE_RESULTS_REBENCH, stripEnd);

function fileResults(
  log: string,
  results: readonly (readonly [RegExp, TestStatus])[],
  clean: (name: string) => string = (name) => name,
): StatusMap {
  const statuses = new Map<string, TestStatus>();
  eachLine(log, (start, end) => {
    if (!log.startsWith('PASS', start) && !log.startsWith('FAIL', start)) return;
    const line = log.slice(start, end);
    for (const [pattern, status] of results) {
      const name = pattern.exec(line)?.[1];
      if (name === undefined) continue;
      statuses.set(clean(name), status);
      return;
    }
  });
  return statuses;
}

function stripEnd(text: string): string {
  return text.slice(0, trimmedEnd(text, 0, text.length));
}

const NUMBERED = pythonPattern(String.raw`^\d+\)\s(.*)`);

/** Jasmine's list of failures, `1) name`; passes aren't printed. */
export function parseNumberedFailures(log: string): StatusMap {
  const statuses = new Map<string, TestStatus>();
  eachLine(log, (start, end) => {
    const name = NUMBERED.exec(log.slice(start, end))?.[1];
    if (name !== undefined) statuses.set(strip(name), 'FAILED');
  });
  return statuses;
}
