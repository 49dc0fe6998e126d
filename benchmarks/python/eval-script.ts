import { resetFiles } from './test-patch.js';

/** Where both benchmarks keep the tree in an image. */
export const TESTBED = '/testbed';

export interface PythonScriptFacts {
  readonly baseCommit: string;
  readonly testPatch: string;
  /** Run before everything else, e.g. exports of a locale. */
  readonly evalCommands: readonly string[];
  /** Installs the patched tree again before the tests; absent where there is nothing to install. */
  readonly install?: string;
  readonly testCmd: string;
  readonly directives: readonly string[];
}

/**
 * The official eval script of a Python instance, byte for byte as SWE-bench 4.1.0 and SWE-rebench's fork make it. A test patch of new
 * files only gives a bare `git checkout <base>`, as theirs does.
 */
export function pythonEvalScript(facts: PythonScriptFacts): string {
  const { baseCommit, testPatch } = facts;
  const activate = ['source /opt/miniconda3/bin/activate', 'conda activate testbed'];
  const reset = `git checkout ${baseCommit} ${resetFiles(testPatch).join(' ')}`;
  const lines = [
    '#!/bin/bash',
    'set -uxo pipefail',
    ...activate,
    `cd ${TESTBED}`,
    ...facts.evalCommands,
    `git config --global --add safe.directory ${TESTBED}`,
    `cd ${TESTBED}`,
    'git status',
    'git show',
    `git -c core.fileMode=false diff ${baseCommit}`,
    ...activate,
    ...(facts.install === undefined ? [] : [facts.install]),
    reset,
    `git apply -v - <<'EOF_114329324912'\n${testPatch}\nEOF_114329324912`,
    ": '>>>>> Start Test Output'",
    [facts.testCmd, ...facts.directives].join(' '),
    ": '>>>>> End Test Output'",
    reset,
  ];
  return `${lines.join('\n')}\n`;
}
