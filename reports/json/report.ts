import {
  byInstance,
  harmless,
  type ReportFile,
  type RunResults,
  type RunSummary,
  type Verdict,
} from '../../src/index.js';

const SCHEMA_VERSION = 1;

/** Our own report, `report.json`: the manifest, the summary (rates as fractions), and a line per instance with its attempts. */
export function jsonReport(results: RunResults, summary: RunSummary): readonly ReportFile[] {
  const report = {
    schemaVersion: SCHEMA_VERSION,
    incomplete: summary.incomplete,
    run: results.manifest,
    summary,
    instances: byInstance(results).map(({ instance, planned, verdicts }) => ({
      instanceId: instance.instanceId,
      repo: instance.repo,
      difficulty: instance.difficulty,
      planned,
      resolved: verdicts.filter(({ outcome }) => outcome === 'resolved').length,
      attempts: verdicts.map(attempt),
    })),
  };
  return [{ path: 'report.json', content: `${harmless(JSON.stringify(report, null, 2))}\n` }];
}

/** All of a verdict but the test lists, which stay in the attempt's folder, and what the line around it says. */
function attempt({ tests, schemaVersion: _version, instanceId: _id, ...verdict }: Verdict) {
  const size = (list: { success: string[]; failure: string[] }) => ({
    success: list.success.length,
    failure: list.failure.length,
  });
  return tests === undefined
    ? verdict
    : {
        ...verdict,
        tests: { FAIL_TO_PASS: size(tests.FAIL_TO_PASS), PASS_TO_PASS: size(tests.PASS_TO_PASS) },
      };
}
