import type { AssayError } from '../errors.js';
import type { Prediction } from '../model/prediction.js';
import type { Phase } from '../model/verdict.js';
import type { Judgement } from './verdict.js';

const NOT_RUN = { patchSuccessfullyApplied: false, resolved: false, infraFailure: false };

/** The judgement of a prediction that needs no container, or undefined when it has to be tried. */
export function unusablePatch({ patch, defect, untouched }: Prediction): Judgement | undefined {
  if (untouched === true) return undefined;
  const official = { ...NOT_RUN, patchIsNone: patch === null, patchExists: patch !== null };
  if (patch === null || patch === '')
    return { outcome: 'invalid', reason: 'empty_patch', detail: 'the prediction holds no patch', official };
  if (defect !== undefined)
    return { outcome: 'invalid', reason: 'malformed_patch', detail: defect, official };
  return undefined;
}

/** The judgement of a patch that no command applied; `evidence` is the output of the last one. */
export function doesNotApply(evidence: string): Judgement {
  return {
    outcome: 'invalid',
    reason: 'apply_failed',
    phase: 'apply',
    detail: evidence,
    official: { ...NOT_RUN, patchIsNone: false, patchExists: true },
  };
}

/** A fault of the machine or of ours in a phase: never a score. */
export function infraError(error: AssayError, phase: Phase): Judgement {
  return {
    outcome: 'infra_error',
    reason: error.code,
    phase: error.phase ?? phase,
    detail: [error.message, error.detail, error.fix].filter((part) => part !== undefined).join('\n'),
    official: { ...NOT_RUN, patchIsNone: false, patchExists: true },
  };
}
