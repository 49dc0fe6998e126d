import { type GradingProfile, gradeWith } from '../../src/index.js';
import { parserFinder } from '../parsers/registry.js';
import { APPLY_4, LISTS_4, MARKERS } from '../parsers/swe-bench-4.js';
import { strip } from '../parsers/text.js';
import { EXIT_CODE, INFRA, LISTS_5, SUITE_RAN } from './rules.js';

/**
 * What 5.0.2 does before each command but the first. In an image's fresh container it is also what makes git look at its index anew: without it,
 * `--3way` says of every file that it doesn't match the index, as layers keep neither inodes nor times of change.
 */
const CLEAN = 'git checkout -- . ; git clean -fd ; ';

/** SWE-bench 5.0.2. */
export const v5: GradingProfile = {
  name: 'v5',
  graderVersion: 'v5-2',
  applyCommands: [
    'git apply --verbose {patch}',
    `${CLEAN}git apply --verbose --3way {patch}`,
    `${CLEAN}git apply --verbose --reject {patch}`,
    `${CLEAN}patch --batch --forward --fuzz=5 -p1 -i {patch}`,
  ],
  alreadyAppliedCheck: 'git apply --check --reverse {patch}',
  prepareScript: recordExitCode,
  grade: gradeWith({
    markers: { ...MARKERS, exitCode: EXIT_CODE, wholeLogFallback: true },
    findParser: parserFinder('swe-bench-5'),
    suiteRan: SUITE_RAN,
    ...LISTS_5,
    truncatedIds: true,
    infra: INFRA,
  }),
};

/** SWE-bench 4.1.0. */
export const v4_1: GradingProfile = {
  name: 'v4.1',
  graderVersion: 'v4.1-1',
  applyCommands: APPLY_4,
  prepareScript: (evalScript) => evalScript,
  grade: gradeWith({
    markers: { ...MARKERS, wholeLogFallback: true },
    findParser: parserFinder('swe-bench-4'),
    ...LISTS_4,
    truncatedIds: false,
    infra: [],
  }),
};

const HEADER = ['#!/bin/bash', 'set -uxo pipefail'];

/** As v5 does: header first, and the exit code of the tests kept before the end marker and printed after it. */
function recordExitCode(evalScript: string): string {
  const lines = strip(evalScript)
    .split('\n')
    .filter((line) => !HEADER.includes(line));
  const end = lines.findIndex((line) => line.includes(MARKERS.end));
  if (end !== -1) {
    lines.splice(end + 1, 0, 'echo ">>>>> Test Exit Code: $SWEBENCH_TEST_EXIT_CODE"');
    lines.splice(end, 0, 'SWEBENCH_TEST_EXIT_CODE=$?');
  }
  return `${[...HEADER, ...lines].join('\n')}\n`;
}
