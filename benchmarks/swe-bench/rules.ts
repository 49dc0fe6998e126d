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

/** v5's signatures of a broken environment; advisory, in order, the first hit wins. */
export const INFRA: GradingRules['infra'] = [
  infra('browser_launch_failed', 'environment', 'Failed to launch|Failed to connect to the bus'),
  infra(
    'display_unavailable',
    'environment',
    'cannot open display|Missing X server|unable to open X display',
  ),
  infra(
    'out_of_memory',
    'environment',
    String.raw`Cannot allocate memory|OutOfMemoryError|(?<![^\n])Killed(?![^\n])`,
  ),
  infra(
    'container_unavailable',
    'environment',
    'Error response from daemon|Cannot connect to the Docker daemon',
  ),
  infra('network_unreachable', 'environment', 'Could not resolve host|Temporary failure in name resolution'),
  infra('missing_module', 'ambiguous', 'Cannot find module|MODULE_NOT_FOUND|ModuleNotFoundError'),
  infra('no_tests_collected', 'ambiguous', 'no tests ran|collected 0 items'),
  infra('tests_timed_out', 'ambiguous', String.raw`Timeout error: \d+ seconds exceeded`),
];

function infra(
  reason: string,
  tier: 'environment' | 'ambiguous',
  pattern: string,
): GradingRules['infra'][number] {
  return { reason, tier, pattern: pythonPattern(pattern) };
}
