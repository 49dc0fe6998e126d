import type { GradeTarget, Grading, GradingProfile } from '../model/grading.js';
import type { Outcome, Phase, Verdict } from '../model/verdict.js';

/** How the test phase ended, as far as a verdict rests on it. */
export interface TestEnd {
  readonly log: string;
  readonly ended: 'exited' | 'timeout' | 'log_limit' | 'disk_limit';
  readonly oomKilled: boolean;
}

/** The part of a verdict that grading decides. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly reason: string;
  readonly phase?: Phase;
  readonly detail?: string;
  readonly tests?: Verdict['tests'];
  readonly official: Verdict['official'];
}

const NO_LOG = {
  patchIsNone: false,
  patchExists: true,
  patchSuccessfullyApplied: false,
  resolved: false,
  infraFailure: false,
};

const ENDED = {
  timeout: ['test_timeout', 'the tests did not finish in their time'],
  log_limit: ['log_limit', 'the tests printed more than a log may hold'],
  disk_limit: ['disk_limit', 'the tests wrote more to the disk than --disk allows'],
} as const;

/** Judges a test log: the official grading, and our outcome with its reason. Pure: `regrade` repeats it without a container. */
export function judge(end: TestEnd, target: GradeTarget, profile: GradingProfile): Judgement {
  if (end.ended !== 'exited') {
    const [reason, detail] = ENDED[end.ended];
    return { outcome: 'unresolved', reason, phase: 'test', detail, official: NO_LOG };
  }
  const grading = profile.grade(end.log, target);
  const official = {
    ...NO_LOG,
    patchSuccessfullyApplied: grading.found,
    resolved: grading.resolved,
    infraFailure: grading.infra?.tier === 'environment',
    ...(grading.infra === undefined ? {} : { infraFailureReason: grading.infra.reason }),
  };
  const tests = grading.tests === undefined ? {} : { tests: grading.tests };
  if (grading.resolved) return { outcome: 'resolved', reason: 'tests_passed', ...tests, official };
  if (end.oomKilled)
    return {
      outcome: 'unresolved',
      reason: 'memory_limit',
      phase: 'test',
      detail: 'a process of the tests was killed at the memory limit',
      ...tests,
      official,
    };
  if (!grading.found)
    return {
      outcome: 'unresolved',
      reason: grading.notFoundReason ?? 'no_results',
      phase: 'grade',
      detail: 'the log holds no test run that counts under this profile',
      official,
    };
  return { outcome: 'unresolved', reason: 'tests_failed', detail: failures(grading), ...tests, official };
}

function failures(grading: Grading): string {
  const { FAIL_TO_PASS: f2p, PASS_TO_PASS: p2p } = grading.tests ?? {
    FAIL_TO_PASS: { success: [], failure: [] },
    PASS_TO_PASS: { success: [], failure: [] },
  };
  const part = (name: string, lists: typeof f2p) =>
    `${name}: ${lists.failure.length} of ${lists.success.length + lists.failure.length} failed`;
  return `${part('FAIL_TO_PASS', f2p)}; ${part('PASS_TO_PASS', p2p)}`;
}
