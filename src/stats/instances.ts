import { AssayError } from '../errors.js';
import type { RunInstance, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';

/** A chosen instance with its verdicts in order of attempt. */
export interface InstanceResults {
  readonly instance: RunInstance;
  /** Attempts planned; 0 without a prediction. */
  readonly planned: number;
  readonly verdicts: readonly Verdict[];
}

/** Results by instance, in run order; `internal` on a verdict of an instance that wasn't chosen or on two of one attempt. */
export function byInstance(results: RunResults): readonly InstanceResults[] {
  const verdicts = new Map(results.instances.map(({ instanceId }) => [instanceId, [] as Verdict[]]));
  for (const verdict of results.verdicts) {
    const list = verdicts.get(verdict.instanceId);
    const name = `verdict of ${verdict.instanceId}, attempt ${verdict.attempt}`;
    if (list === undefined)
      throw new AssayError('internal', `${name}: the instance is not among those chosen`);
    if (list.some(({ attempt }) => attempt === verdict.attempt))
      throw new AssayError('internal', `${name}: found twice`);
    list.push(verdict);
  }
  return results.instances.map((instance) => {
    const own = (verdicts.get(instance.instanceId) ?? []).sort((a, b) => a.attempt - b.attempt);
    const planned = Math.max(instance.attempts ?? 0, own.at(-1)?.attempt ?? 0);
    return { instance, planned, verdicts: own };
  });
}
