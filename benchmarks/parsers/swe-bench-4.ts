/** Facts of SWE-bench 4 that SWE-bench 5 kept or that SWE-rebench V1, a fork of 4.0.3, inherited. */

/** The markers that official eval scripts and harnesses print. */
export const MARKERS = {
  start: '>>>>> Start Test Output',
  end: '>>>>> End Test Output',
  bad: [
    { text: '>>>>> Patch Apply Failed', reason: 'apply_failed' },
    { text: '>>>>> Reset Failed', reason: 'reset_failed' },
    { text: '>>>>> Tests Errored', reason: 'tests_errored' },
    { text: '>>>>> Tests Timed Out', reason: 'tests_timed_out' },
  ],
} as const;

/** A skipped test is in neither list. */
export const LISTS_4 = {
  failToPass: { success: ['PASSED', 'XFAIL'], failure: ['FAILED', 'ERROR'] },
  passToPass: { success: ['PASSED', 'XFAIL'], failure: ['FAILED', 'ERROR'] },
} as const;

/** Commands that apply a patch, in order. */
export const APPLY_4 = [
  'git apply --verbose {patch}',
  'git apply --verbose --reject {patch}',
  'patch --batch --fuzz=5 -p1 -i {patch}',
] as const;
