import {
  byInstance,
  type InstanceResults,
  type ReportFile,
  type RunResults,
  type Verdict,
} from '../../src/index.js';
import { pathPart } from '../format.js';
import { hasOfficialReport, instanceReport, pythonJson } from './instance-report.js';

/**
 * The reference harness's own files: `<model>.<run id>.json` (schema_version 2, keys of the profile's version) and each instance's
 * `report.json` where the reference would have written one. It knows one prediction per instance, so attempt n > 1 of a run with
 * repeats is a run of its own, `<run id>-attempt<n>`.
 */
export function officialReport(results: RunResults): readonly ReportFile[] {
  const items = byInstance(results);
  const { runId, settings } = results.manifest;
  const attempts = Math.max(1, ...items.map(({ planned }) => planned));
  return Array.from({ length: attempts }, (_, index) => index + 1).flatMap((attempt) => {
    const run = pathPart(attempt === 1 ? runId : `${runId}-attempt${attempt}`);
    const content = `${pythonJson(summaryOf(items, attempt, settings.profile === 'v5'))}\n`;
    const reports = results.verdicts
      .filter((verdict) => verdict.attempt === attempt)
      .flatMap((verdict) => instanceFile(verdict, run));
    return [{ path: `${pathPart(settings.model)}.${run}.json`, content }, ...reports];
  });
}

function instanceFile(verdict: Verdict, run: string): readonly ReportFile[] {
  const content = instanceReport(verdict);
  const folder = `logs/run_evaluation/${run}/${pathPart(verdict.model)}/${pathPart(verdict.instanceId)}`;
  return content === undefined ? [] : [{ path: `${folder}/report.json`, content }];
}

function summaryOf(items: readonly InstanceResults[], attempt: number, v5: boolean) {
  const entries = items.map(({ instance, planned, verdicts }) => ({
    id: instance.instanceId,
    submitted: planned >= attempt,
    verdict: verdicts.find((verdict) => verdict.attempt === attempt),
  }));
  const submitted = entries.filter((entry) => entry.submitted);
  const reported = submitted.filter(({ verdict }) => verdict !== undefined && hasOfficialReport(verdict));
  const empty = submitted.filter(({ verdict }) => verdict?.reason === 'empty_patch');
  const resolved = reported.filter(({ verdict }) => verdict?.official.resolved);
  const unresolved = reported.filter(({ verdict }) => !verdict?.official.resolved);
  const error = submitted.filter((entry) => !reported.includes(entry) && !empty.includes(entry));
  const failures = [...unresolved, ...error].flatMap(({ id, verdict }) => {
    const failure = verdict && failureOf(verdict);
    return failure === undefined ? [] : [{ id, ...failure }];
  });
  const environment = failures.filter((failure) => failure.environment);
  const ambiguous = failures.filter((failure) => !failure.environment);
  const images = submitted.flatMap(({ verdict }) =>
    verdict?.engine === 'docker' && verdict.image !== undefined ? [verdict.image] : [],
  );
  return {
    total_instances: items.length,
    submitted_instances: submitted.length,
    completed_instances: reported.length,
    resolved_instances: resolved.length,
    unresolved_instances: unresolved.length,
    ...(v5
      ? { infra_failure_instances: environment.length, ambiguous_failure_instances: ambiguous.length }
      : {}),
    empty_patch_instances: empty.length,
    error_instances: error.length,
    completed_ids: ids(reported),
    incomplete_ids: ids(entries.filter((entry) => !entry.submitted)),
    empty_patch_ids: ids(empty),
    submitted_ids: ids(submitted),
    resolved_ids: ids(resolved),
    unresolved_ids: ids(unresolved),
    ...(v5
      ? {
          infra_failure_ids: ids(environment),
          ambiguous_failure_ids: ids(ambiguous),
          failure_reasons: Object.fromEntries(
            [...failures].sort(byId).map(({ id, reason }) => [id, reason] as const),
          ),
        }
      : {}),
    error_ids: ids(error),
    schema_version: 2,
    // Version 4.1 writes these only where it had no engine to ask; no container of ours outlives a run, and images are kept.
    ...(v5
      ? { unstopped_instances: 0, unstopped_containers: [], unremoved_images: [...new Set(images)].sort() }
      : {}),
  };
}

/** The reference's advisory classes; an infrastructure error of ours is of the environment, under our own reason. */
function failureOf(verdict: Verdict): { reason: string; environment: boolean } | undefined {
  const { outcome, reason, official } = verdict;
  if (outcome === 'infra_error') return { reason, environment: true };
  if (official.infraFailureReason !== undefined)
    return { reason: official.infraFailureReason, environment: official.infraFailure };
  return reason === 'test_timeout' ? { reason: 'tests_timed_out', environment: false } : undefined;
}

const byId = (a: { readonly id: string }, b: { readonly id: string }) =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
const ids = (entries: readonly { readonly id: string }[]) => [...entries].sort(byId).map(({ id }) => id);
