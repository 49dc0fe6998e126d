import { toAssayError } from '../errors.js';
import { type Begin, type Grader, predictionOf } from '../run/grader.js';
import { orderOf } from './order.js';
import { errorOf, type Submitter } from './submitter.js';

export interface QueueGraderOptions {
  readonly submitter: Submitter;
  /** Keeps verdicts and logs here as well. */
  readonly begin: Begin;
  readonly engine: string;
  readonly testSeconds: number;
  readonly retries: number;
}

/** A grader whose work is done by the workers of a queue. */
export function queueGrader({ submitter, begin, ...how }: QueueGraderOptions): Grader {
  return {
    isElsewhere: true,
    async grade(task, { onStart, onPhase, onRetry }) {
      try {
        const order = orderOf({ ...task, prediction: predictionOf(task) }, how);
        const { result, evidence } = await submitter.submit(order, {
          onStart,
          onPhase,
          onFault: (fault) => {
            if ('verdict' in fault) onRetry(fault.verdict);
          },
        });
        if ('error' in result) return errorOf(result.error);
        const record = await begin(task.key, task.asked.patch);
        await record.adopt(evidence);
        await record.finish(result.verdict);
        return result.verdict;
      } catch (error) {
        return toAssayError(error);
      }
    },
    // Workers have their own.
    prepare: () => false,
    warm: () => 0,
    finish: async () => undefined,
    kill: submitter.close,
  };
}
