import { doesNotApply, unusablePatch } from '../grade/unscored.js';
import { type Judgement, judge } from '../grade/verdict.js';
import type { Verdict } from '../model/verdict.js';
import { identity, type Job } from '../run-instance.js';
import type { Clock } from '../util/clock.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { type NewRun, writeRun } from './copy.js';
import type { Fate } from './published.js';
import type { PublishedLog } from './published-logs.js';

/** `engine` of a run that was imported, and of its verdicts: nothing was run here. */
export const IMPORTED = 'imported';
/** `graderVersion` of outcomes that were not graded by us. */
export const AS_PUBLISHED = 'published';
/** Stands for the command that applied the patch where a published log shows that one did. */
const PUBLISHED_LOG = 'published log';

/** A job of an import, and whether its patch was published. */
export interface ImportJob {
  readonly job: Job;
  readonly hasPatch: boolean;
  /** sha256 of the publication: outcomes of two of them are two. */
  readonly source: string;
}

/** The verdict of an outcome that is taken as published: no log, no test lists. */
export function publishedVerdict({ job, hasPatch, source }: ImportJob, fate: Fate, clock: Clock): Verdict {
  const known = imported(job, hasPatch, clock);
  const unusable = hasPatch ? unusablePatch(job.prediction) : undefined;
  const isEmpty = fate.kind === 'empty' || (unusable?.reason === 'empty_patch' && fate.kind !== 'resolved');
  const judgement = isEmpty ? (unusable ?? EMPTY) : judgementOf(fate);
  return {
    ...known,
    ...judgement,
    detail: `published as: ${fate.says}`,
    graderVersion: AS_PUBLISHED,
    key: sha256(canonicalJson({ key: known.key, source })),
  };
}

/** The verdict that our profile gives a published log, or what else was published says; never of a run of ours. */
export function loggedVerdict(given: ImportJob, published: PublishedLog, clock: Clock): Verdict {
  const { job, hasPatch } = given;
  const { log, resolved, applyFailure } = published;
  const unusable = hasPatch ? unusablePatch(job.prediction) : undefined;
  const known = imported(job, hasPatch, clock);
  if (log !== undefined) {
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(log);
    const judgement = judge({ log: text, ended: 'exited', oomKilled: false }, job.spec, job.profile);
    const isOther = resolved !== undefined && resolved !== (judgement.outcome === 'resolved');
    const notes = isOther
      ? [`${DIFFERS}: its report.json says ${resolved ? 'resolved' : 'not resolved'}`]
      : [];
    return { ...known, ...judgement, appliedWith: PUBLISHED_LOG, notes: [...known.notes, ...notes] };
  }
  if (resolved !== undefined)
    return publishedVerdict(
      given,
      { kind: resolved ? 'resolved' : 'unresolved', says: 'report.json, without test_output.txt' },
      clock,
    );
  if (unusable !== undefined) return { ...known, ...unusable };
  if (applyFailure !== undefined) return { ...known, ...doesNotApply(applyFailure) };
  return publishedVerdict(given, { kind: 'error', says: 'neither test_output.txt nor report.json' }, clock);
}

const DIFFERS = 'published_differs';

/** True where the log says another outcome than the report.json beside it. */
export function differsFromReport({ notes }: Verdict): boolean {
  return notes.some((note) => note.startsWith(DIFFERS));
}

function imported(job: Job, hasPatch: boolean, clock: Clock) {
  return {
    ...identity(job, undefined),
    ...(hasPatch ? {} : { patchSha256: 'unknown' }),
    notes: [...job.prediction.notes, ...(hasPatch ? [] : ['no_patch: published without its patch'])],
    engine: IMPORTED,
    isolation: 'unknown',
    granted: {},
    seconds: {},
    tries: 1,
    finishedAt: clock.iso(),
  };
}

const NOT_RESOLVED = {
  patchIsNone: false,
  patchExists: true,
  patchSuccessfullyApplied: false,
  resolved: false,
  infraFailure: false,
};
const EMPTY: Judgement = {
  outcome: 'invalid',
  reason: 'empty_patch',
  official: { ...NOT_RESOLVED, patchIsNone: true, patchExists: false },
};

function judgementOf({ kind, infra = false, says }: Fate): Judgement {
  const isResolved = kind === 'resolved';
  return {
    outcome: isResolved ? 'resolved' : 'unresolved',
    reason: kind === 'error' ? 'published_error' : 'published',
    official: {
      ...NOT_RESOLVED,
      patchSuccessfullyApplied: kind !== 'error',
      resolved: isResolved,
      infraFailure: infra,
      ...(infra ? { infraFailureReason: says } : {}),
    },
  };
}

interface ImportRunOptions extends NewRun {
  readonly jobs: readonly Job[];
  readonly judged: (
    job: Job,
  ) => Promise<{ readonly verdict: Verdict; readonly log?: Uint8Array | undefined }>;
}

/** Writes the run folder of what others published; the logs go into it as they are. */
export async function importRun({ jobs, judged, ...run }: ImportRunOptions): Promise<void> {
  await writeRun(run, async (ledger) => {
    for (const job of jobs) {
      const { verdict, log } = await judged(job);
      const record = await ledger.begin(verdict.instanceId, verdict.attempt, job.prediction.patch);
      if (log !== undefined) await record.log.write(log);
      await record.log.end();
      await record.finish(verdict);
      await ledger.append({ type: 'verdict', at: verdict.finishedAt, verdict });
    }
  });
}
