import type { LogParser, TestStatus } from '../../src/index.js';
import { eachLine, skipSpace, trimmedEnd, words } from './text.js';

const RESULTS = [
  [' E', 'ERROR'],
  [' F', 'FAILED'],
  [' ok', 'PASSED'],
] as const;

/** SymPy's own runner: `test_name ok`, and a heading `___ path.py:test_name ___` per failure. */
export function sympyParser(options: { readonly bracketedSummary: boolean }): LogParser {
  return (log) => {
    const statuses = new Map<string, TestStatus>();
    addFailureHeadings(log, statuses);
    eachLine(log, (rawStart, rawEnd) => {
      const start = skipSpace(log, rawStart, rawEnd);
      if (!log.startsWith('test_', start)) return;
      let end = trimmedEnd(log, start, rawEnd);
      // SWE-rebench V2 takes a trailing `[OK]` or `[FAIL]` off
      const summary = options.bracketedSummary ? /\[(?:OK|FAIL)\]$/.exec(log.slice(start, end)) : null;
      if (summary !== null) end = trimmedEnd(log, start, end - summary[0].length);
      for (const [suffix, status] of RESULTS) {
        if (log.startsWith(suffix, end - suffix.length)) {
          statuses.set(words(log.slice(start, end), 1)[0] ?? '', status);
        }
      }
    });
    return statuses;
  };
}

/** The reference's `(_*) (.*)\.py:(.*) (_*)` for one line: from the first space to the last, cut at the last `.py:` between. */
function addFailureHeadings(log: string, statuses: Map<string, TestStatus>): void {
  let lineEnd = 0;
  for (let at = log.indexOf('.py:'); at !== -1; at = log.indexOf('.py:', lineEnd)) {
    const newline = log.indexOf('\n', at);
    lineEnd = newline === -1 ? log.length : newline;
    const line = log.slice(log.lastIndexOf('\n', at) + 1, lineEnd);
    const first = line.indexOf(' ');
    const last = line.lastIndexOf(' ');
    if (last < 4) continue;
    const cut = line.lastIndexOf('.py:', last - 4);
    if (first < cut) statuses.set(`${line.slice(first + 1, cut)}.py:${line.slice(cut + 4, last)}`, 'FAILED');
  }
}
