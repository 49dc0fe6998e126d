import type { StatusMap, TestStatus } from '../../src/index.js';
import { eachLine } from './text.js';

/** What node:test writes: four blanks per level, the description, then perhaps a directive; `#` in names is escaped. */
const NAMED = /^((?: {4})*)(# Subtest:|(?:not )?ok \d+ -) (.*)$/;
const DIRECTIVE = / # (?:SKIP|TODO)\b/i;

/**
 * TAP of Node's own test runner (20 to 24): id is the path of names joined by ` > `. Suites count only through their tests. A file
 * that fails to load is one failed test of the file's name.
 */
export function parseNodeTap(log: string): StatusMap {
  const statuses = new Map<string, TestStatus>();
  const open: string[] = [];
  let hasTests: boolean[] = [];
  /** Last line of the block of details that we are in: what a test's error says there is no result. */
  let endOfDetails: string | undefined;
  eachLine(log, (start, end) => {
    const line = log.slice(start, end);
    if (endOfDetails !== undefined) {
      if (line === endOfDetails) endOfDetails = undefined;
      return;
    }
    if (/^ *---$/.test(line)) endOfDetails = line.replace('---', '...');
    const [, indent, kind, rest] = NAMED.exec(line) ?? [];
    if (indent === undefined || kind === undefined || rest === undefined) return;
    const depth = indent.length / 4;
    if (kind === '# Subtest:') {
      open.length = Math.min(depth, open.length);
      open[depth] = unescaped(rest);
      hasTests[depth] = false;
      return;
    }
    const isSuite = open.length > depth && hasTests[depth] === true;
    hasTests = hasTests.slice(0, depth).fill(true);
    if (isSuite) return;
    const directive = DIRECTIVE.exec(rest);
    const name = unescaped(directive === null ? rest : rest.slice(0, directive.index));
    const status = directive !== null ? 'SKIPPED' : kind.startsWith('ok') ? 'PASSED' : 'FAILED';
    statuses.set([...open.slice(0, depth), name].join(' > '), status);
  });
  return statuses;
}

function unescaped(text: string): string {
  return text.replace(/\\([\\#])/g, '$1');
}
