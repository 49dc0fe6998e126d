import type { StatusMap, TestStatus } from '../../src/index.js';
import { eachLine } from './text.js';

/** `test_x (tests.test_a.A)` up to Python 3.10, `test_x (tests.test_a.A.test_x)` since; also `setUpClass (tests.test_a.A)`. */
const TEST = /^(\w+) \(([\w.]+)\)/;
const SEPARATOR = ' ... ';
const STATUSES: readonly (readonly [string, TestStatus])[] = [
  ['ok', 'PASSED'],
  ['FAIL', 'FAILED'],
  ['ERROR', 'ERROR'],
  ['skipped ', 'SKIPPED'],
  ['expected failure', 'XFAIL'],
  ['unexpected success', 'FAILED'],
];

/**
 * `python -m unittest -v`: id is `module.Class.test`, the same for all versions of Python. A test is named where it starts; its result
 * follows at once, or on a later line when something was printed in between. The list of failures at the end has the last word.
 */
export function parseUnittest(log: string): StatusMap {
  const statuses = new Map<string, TestStatus>();
  let running: string | undefined;
  eachLine(log, (start, end) => {
    let line = log.slice(start, end);
    const summary = /^(FAIL|ERROR): /.exec(line);
    if (summary !== null) {
      const id = idOf(line.slice(summary[0].length));
      if (id !== undefined) statuses.set(id, summary[1] === 'FAIL' ? 'FAILED' : 'ERROR');
      return;
    }
    running = idOf(line) ?? running;
    // A test without a result yet can be followed by the next one on the same line (failed subtests, Python 3.10).
    for (let at = line.indexOf(SEPARATOR); at !== -1; at = line.indexOf(SEPARATOR)) {
      line = line.slice(at + SEPARATOR.length);
      running = idOf(line) ?? running;
    }
    const status = statusOf(line);
    if (status === undefined || running === undefined) return;
    statuses.set(running, status);
    running = undefined;
  });
  return statuses;
}

function idOf(text: string): string | undefined {
  const [, name, place] = TEST.exec(text) ?? [];
  if (name === undefined || place === undefined) return undefined;
  return place.endsWith(`.${name}`) ? place : `${place}.${name}`;
}

function statusOf(text: string): TestStatus | undefined {
  return STATUSES.find(([word]) => (word.endsWith(' ') ? text.startsWith(word) : text === word))?.[1];
}
