import type { GradingRules } from '../../src/index.js';
import { pythonPattern } from '../parsers/text.js';

/** A skip fails FAIL_TO_PASS and keeps PASS_TO_PASS. */
export const LISTS_5 = {
  failToPass: { success: ['PASSED', 'XFAIL'], failure: ['FAILED', 'ERROR', 'SKIPPED'] },
  passToPass: { success: ['PASSED', 'XFAIL', 'SKIPPED'], failure: ['FAILED', 'ERROR'] },
} as const satisfies Partial<GradingRules>;

/** v5's exit code line; written after the end marker, but looked for everywhere. */
export const EXIT_CODE = pythonPattern(String.raw`>>>>> Test Exit Code:\s*(-?\d+)`, 'y');

// Prefixed so that a number is tried from its first digit only: a long row of digits stays linear.
const COUNT = String.raw`(?<!\d)(?:(?![1-9])\d)*[1-9]\d*`;

/** v5's evidence that a suite ran although no result was parsed: some count that isn't zero. */
export const SUITE_RAN = pythonPattern(
  [
    String.raw`Executed [1-9]\d* of \d+`,
    String.raw`TOTAL: [1-9]\d* (?:SUCCESS|FAILED)`,
    `${COUNT} passing`,
    String.raw`Tests:\s+[1-9]\d*`,
    String.raw`Test Suites:\s+(?:\d+ \w+, )*[1-9]\d* total`,
    String.raw`(?<![^\n])# tests [1-9]\d*`,
    String.raw`${COUNT} specs?, \d+ failures?`,
    String.raw`': ok(?![^\n])`,
  ].join('|'),
);

const MEMORY = holds('Cannot allocate memory', 'OutOfMemoryError');
const KILLED_LINE = /(?:^|\n)Killed(?:\n|$)/;
const TIMED_OUT = pythonPattern(String.raw`Timeout error: \d+ seconds exceeded`);

/** v5's signatures of a broken environment; advisory, in order, the first hit wins. */
export const INFRA: GradingRules['infra'] = [
  {
    reason: 'browser_launch_failed',
    tier: 'environment',
    isIn: holds('Failed to launch', 'Failed to connect to the bus'),
  },
  {
    reason: 'display_unavailable',
    tier: 'environment',
    isIn: holds('cannot open display', 'Missing X server', 'unable to open X display'),
  },
  {
    reason: 'out_of_memory',
    tier: 'environment',
    isIn: (log) => MEMORY(log) || (log.includes('Killed') && KILLED_LINE.test(log)),
  },
  {
    reason: 'container_unavailable',
    tier: 'environment',
    isIn: holds('Error response from daemon', 'Cannot connect to the Docker daemon'),
  },
  {
    reason: 'network_unreachable',
    tier: 'environment',
    isIn: holds('Could not resolve host', 'Temporary failure in name resolution'),
  },
  {
    reason: 'missing_module',
    tier: 'ambiguous',
    isIn: holds('Cannot find module', 'MODULE_NOT_FOUND', 'ModuleNotFoundError'),
  },
  { reason: 'no_tests_collected', tier: 'ambiguous', isIn: holds('no tests ran', 'collected 0 items') },
  {
    reason: 'tests_timed_out',
    tier: 'ambiguous',
    isIn: (log) => log.includes('Timeout error: ') && TIMED_OUT.test(log),
  },
];

/** Whether a log holds one of the texts. */
function holds(...texts: readonly string[]): (log: string) => boolean {
  const finders = texts.map(finder);
  return (log) => finders.some((isIn) => isIn(log));
}

/**
 * `log.includes(text)`, but faster: six units from the first capital or digit on, which are rare in logs, are looked for. V8 finds so
 * short a needle by its first unit, at 6 GB/s instead of 2; every failed log is searched for all the texts.
 */
function finder(text: string): (log: string) => boolean {
  const offset = text.search(/[A-Z0-9]/);
  if (offset === -1) return (log) => log.includes(text);
  const needle = text.slice(offset, offset + 6);
  return (log) => {
    for (let at = log.indexOf(needle); at !== -1; at = log.indexOf(needle, at + 1)) {
      if (at >= offset && log.startsWith(text, at - offset)) return true;
    }
    return false;
  };
}
