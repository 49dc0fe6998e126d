import { type Judgement, judge } from '../grade/verdict.js';
import type { GradingProfile } from '../model/grading.js';
import type { RunInstance } from '../model/run.js';
import type { StrictVerdict, Verdict } from '../model/verdict.js';
import { verdictKey } from '../run-instance.js';

/** True when the verdict rests on its log alone: the tests ran to their end. */
export function isRegradable({ appliedWith, exitCode }: Verdict): boolean {
  return appliedWith !== undefined && exitCode !== null;
}

/**
 * The verdict that a stored log gives under a profile. Attempts whose log isn't the whole truth stay as they are: those that never
 * reached the tests (invalid, infra_error) and those that we ended (time-out, limits of log and disk).
 */
export function regrade(options: {
  readonly verdict: Verdict;
  readonly instance: RunInstance;
  readonly log: string | undefined;
  readonly profile: GradingProfile;
}): Verdict {
  const { verdict, instance, log, profile } = options;
  if (log === undefined || !isRegradable(verdict)) return verdict;
  const { phase: _phase, detail: _detail, tests: _tests, strict, ...kept } = verdict;
  const end = { log, ended: 'exited', oomKilled: verdict.reason === 'memory_limit' } as const;
  const judgement = judge(end, instance, profile);
  return {
    ...kept,
    ...judgement,
    ...(strict === undefined ? {} : strictly(strict, verdict, judgement)),
    profile: profile.name,
    graderVersion: profile.graderVersion,
    key: verdictKey({ ...verdict, profile: profile.name, graderVersion: profile.graderVersion }),
  };
}

/** The strict verdict beside another official one; none where the further runs that it needs were not made. */
function strictly(
  strict: StrictVerdict,
  before: Verdict,
  { outcome, reason }: Judgement,
): { readonly strict?: StrictVerdict } {
  if (outcome !== 'resolved') return { strict: { ...strict, resolved: false, reason } };
  return before.outcome === 'resolved' ? { strict } : {};
}
