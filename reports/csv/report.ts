import {
  byInstance,
  harmless,
  type InstanceResults,
  type ReportFile,
  type RunResults,
  type Verdict,
} from '../../src/index.js';

type Cell = string | number | boolean | null | undefined;
type Column = (item: InstanceResults, verdict: Verdict | undefined) => Cell;

const COLUMNS: Readonly<Record<string, Column>> = {
  instance_id: ({ instance }) => instance.instanceId,
  repo: ({ instance }) => instance.repo,
  difficulty: ({ instance }) => instance.difficulty,
  attempt: (_, verdict) => verdict?.attempt,
  model: (_, verdict) => verdict?.model,
  outcome: (item, verdict) => verdict?.outcome ?? (item.planned === 0 ? 'no_prediction' : 'missing'),
  reason: (_, verdict) => verdict?.reason,
  strict_resolved: (_, verdict) => verdict?.strict?.resolved,
  strict_reason: (_, verdict) => verdict?.strict?.reason,
  phase: (_, verdict) => verdict?.phase,
  fail_to_pass_passed: (_, verdict) => verdict?.tests?.FAIL_TO_PASS.success.length,
  fail_to_pass_total: ({ instance }) => instance.failToPass.length,
  pass_to_pass_passed: (_, verdict) => verdict?.tests?.PASS_TO_PASS.success.length,
  pass_to_pass_total: ({ instance }) => instance.passToPass.length,
  applied_with: (_, verdict) => verdict?.appliedWith,
  exit_code: (_, verdict) => verdict?.exitCode,
  seconds: (_, verdict) => verdict && total(Object.values(verdict.seconds)),
  test_seconds: (_, verdict) => verdict?.seconds.test,
  tries: (_, verdict) => verdict?.tries,
  profile: (_, verdict) => verdict?.profile,
  grader_version: (_, verdict) => verdict?.graderVersion,
  engine: (_, verdict) => verdict?.engine,
  isolation: (_, verdict) => verdict?.isolation,
  network: (_, verdict) => verdict && (verdict.granted.network ?? false),
  image: (_, verdict) => verdict?.image,
  image_digest: (_, verdict) => verdict?.imageDigest,
  patch_sha256: (_, verdict) => verdict?.patchSha256,
  notes: (_, verdict) => verdict?.notes.join('; '),
  finished_at: (_, verdict) => verdict?.finishedAt,
  detail: (_, verdict) => verdict?.detail,
};

/**
 * `report.csv` (RFC 4180): a line per attempt, and one per planned attempt without a verdict. A text cell that a spreadsheet would
 * run as a formula gets a leading apostrophe, as OWASP advises: patches and logs are other people's text.
 */
export function csvReport(results: RunResults): readonly ReportFile[] {
  const columns = Object.values(COLUMNS);
  const lines = byInstance(results).flatMap((item) => {
    const missing = Math.max(item.planned, 1) - item.verdicts.length;
    const attempts = [...item.verdicts, ...Array<undefined>(missing).fill(undefined)];
    return attempts.map((verdict) => columns.map((column) => column(item, verdict)));
  });
  const content = [Object.keys(COLUMNS), ...lines].map((line) => `${line.map(quote).join(',')}\r\n`).join('');
  return [{ path: 'report.csv', content }];
}

function quote(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'string') return String(cell);
  const text = harmless(cell);
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function total(seconds: readonly number[]): number {
  return Math.round(1000 * seconds.reduce((sum, value) => sum + value, 0)) / 1000;
}
