import type { Verdict } from '../model/verdict.js';
import type { Attempts } from '../run/attempts.js';
import type { AttemptRecord } from '../run/record.js';
import { taskOfJob } from '../run/task.js';
import { unjudged } from '../run/unjudged.js';
import type { Job, Question } from '../run-instance.js';
import type { Clock } from '../util/clock.js';
import { canonicalJson } from '../util/hash.js';
import { orderOf, type Result } from './order.js';
import { errorOf, type Submitter } from './submitter.js';

interface QueueAttemptsOptions {
  readonly submitter: Submitter;
  readonly clock: Clock;
  /** Names the run for good: attempts of two runs are two orders, however equal. */
  readonly run: string;
  readonly engine: string;
  readonly testSeconds: number;
  readonly strict: boolean;
  readonly retries: number;
  readonly notesOn?: (question: Question) => readonly string[];
}

/** Does the attempts of a run on the workers of a queue; their logs come back into the run folder. */
export function queueAttempts(options: QueueAttemptsOptions): Attempts {
  const { submitter, clock, run, strict, notesOn, ...how } = options;

  /** A worker knows neither the attempt nor what the run knows of the instance. */
  function verdictOf(job: Job, result: Result): Verdict {
    if ('error' in result)
      return unjudged(job, errorOf(result.error), { engine: how.engine, isolation: 'queue', clock });
    const { verdict } = result;
    const { attempt, model } = job.prediction;
    return { ...verdict, attempt, model, notes: [...verdict.notes, ...(notesOn?.(verdict) ?? [])] };
  }

  return {
    async attempt(job, { begin, onPhase, onRetry }) {
      const { attempt } = job.prediction;
      const salt = canonicalJson({ run, attempt, untouched: job.prediction.untouched });
      const order = orderOf(taskOfJob(job, strict), { ...how, salt });
      let record: Promise<AttemptRecord> | undefined;
      let tries = 1;
      const start = () => {
        record = begin(tries);
        // Whoever awaits it gets to know.
        record.catch(() => undefined);
      };
      const { result, evidence, forget } = await submitter.submit(order, {
        onStart: start,
        onPhase,
        onFault: (fault) => {
          void onRetry(verdictOf(job, fault), tries++);
          start();
        },
      });
      const verdict = verdictOf(job, result);
      const kept = await (record ?? begin(tries));
      await kept.adopt(evidence);
      await kept.finish(verdict);
      await forget();
      return verdict;
    },
    finish: async () => undefined,
  };
}
