import type { TestsStatus, Verdict } from '../../src/index.js';

/** Tests that never came to a result the reference would grade: it leaves no report and counts an error. */
const UNGRADED: ReadonlySet<string> = new Set(['test_timeout', 'log_limit', 'disk_limit', 'published_error']);

/** Whether the reference harness would have written a `report.json` for this attempt. */
export function hasOfficialReport({ outcome, reason }: Verdict): boolean {
  return outcome === 'resolved' || (outcome === 'unresolved' && !UNGRADED.has(reason));
}

/** The reference's `report.json` of one instance, byte for byte in its layout; undefined where it would write none. */
export function instanceReport(verdict: Verdict): string | undefined {
  if (!hasOfficialReport(verdict)) return undefined;
  const { official, tests } = verdict;
  const report = {
    patch_is_None: official.patchIsNone,
    patch_exists: official.patchExists,
    patch_successfully_applied: official.patchSuccessfullyApplied,
    resolved: official.resolved,
    ...(verdict.profile === 'v5' ? infraKeys(official) : {}),
    ...(tests === undefined ? {} : { tests_status: testsStatus(tests) }),
  };
  return pythonJson({ [verdict.instanceId]: report });
}

/** Version 5 classifies here only where the log held no gradable test run. */
function infraKeys(official: Verdict['official']) {
  const reason = official.patchSuccessfullyApplied ? undefined : official.infraFailureReason;
  return {
    infra_failure: reason !== undefined && official.infraFailure,
    ...(reason === undefined ? {} : { infra_failure_reason: reason }),
  };
}

function testsStatus({ FAIL_TO_PASS, PASS_TO_PASS }: TestsStatus) {
  const lists = ({ success, failure }: { success: string[]; failure: string[] }) => ({ success, failure });
  return {
    FAIL_TO_PASS: lists(FAIL_TO_PASS),
    PASS_TO_PASS: lists(PASS_TO_PASS),
    FAIL_TO_FAIL: { success: [], failure: [] },
    PASS_TO_FAIL: { success: [], failure: [] },
  };
}

/** JSON as Python's `json.dumps(value, indent=4)` writes it: four spaces, everything outside printable ASCII escaped. */
export function pythonJson(value: unknown): string {
  return JSON.stringify(value, null, 4).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
