import type { GradeTarget, Grading, StatusMap, TestStatus, TestsStatus } from '../model/grading.js';
import type { GradingRules, ListRule } from './rules.js';

/** Sorts the expected tests of an instance into the success and failure lists, in the order of the row. */
export function tally(statuses: StatusMap, target: GradeTarget, rules: GradingRules): TestsStatus {
  const lists = (ids: readonly string[], rule: ListRule) => {
    const success: string[] = [];
    const failure: string[] = [];
    for (const id of ids) {
      if (target.evalType === 'fail_only') (statuses.get(id) === 'FAILED' ? failure : success).push(id);
      else {
        const status = lookUp(statuses, id, rules);
        if (status === undefined || rule.failure.includes(status)) failure.push(id);
        else if (rule.success.includes(status)) success.push(id);
      }
    }
    return { success, failure };
  };
  return {
    FAIL_TO_PASS: lists(target.failToPass, rules.failToPass),
    PASS_TO_PASS: lists(target.passToPass, rules.passToPass),
  };
}

/** FULL: all expected tests succeed; PARTIAL: some of FAIL_TO_PASS and all of PASS_TO_PASS; an empty list counts as full. */
export function resolutionOf(tests: TestsStatus): Grading['resolution'] {
  const { FAIL_TO_PASS: f2p, PASS_TO_PASS: p2p } = tests;
  if (p2p.failure.length > 0) return 'NO';
  if (f2p.failure.length === 0) return 'FULL';
  return f2p.success.length > 0 ? 'PARTIAL' : 'NO';
}

function lookUp(statuses: StatusMap, id: string, rules: GradingRules): TestStatus | undefined {
  const name = rules.normalizeName === undefined ? id : rules.normalizeName(id);
  const exact = statuses.get(name);
  if (exact !== undefined || !rules.truncatedIds || !isTruncated(name)) return exact;
  return agreedStatus(statuses, name);
}

function isTruncated(id: string): boolean {
  let open = 0;
  for (const char of id) open += char === '[' ? 1 : char === ']' ? -1 : 0;
  return open > 0;
}

/** Status of the first test whose id begins so, if all such tests agree on passing or not passing. */
function agreedStatus(statuses: StatusMap, prefix: string): TestStatus | undefined {
  let first: TestStatus | undefined;
  for (const [id, status] of statuses) {
    if (!id.startsWith(prefix)) continue;
    first ??= status;
    if (passes(status) !== passes(first)) return undefined;
  }
  return first;
}

function passes(status: TestStatus): boolean {
  return status === 'PASSED' || status === 'XFAIL';
}
