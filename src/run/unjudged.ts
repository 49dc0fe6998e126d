import type { AssayError } from '../errors.js';
import { infraError } from '../grade/unscored.js';
import type { Verdict } from '../model/verdict.js';
import { identity, type Job } from '../run-instance.js';
import type { Clock } from '../util/clock.js';

/** The verdict of a job that never got as far as a container of its own here. */
export function unjudged(
  job: Job,
  error: AssayError,
  {
    engine,
    isolation,
    clock,
  }: { readonly engine: string; readonly isolation: string; readonly clock: Clock },
): Verdict {
  return {
    ...identity(job, undefined),
    ...infraError(error, 'prepare'),
    ...{ notes: [...job.prediction.notes], engine, isolation, granted: {} },
    ...{ seconds: {}, tries: 1, finishedAt: clock.iso() },
  };
}
