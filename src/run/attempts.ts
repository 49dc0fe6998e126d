import { unusablePatch } from '../grade/unscored.js';
import type { Verdict } from '../model/verdict.js';
import type { Job, RunInstanceContext } from '../run-instance.js';
import { createLimit } from '../util/pool.js';
import { startAhead } from './ahead.js';
import { type AttemptOptions, attempt } from './attempt.js';
import type { AttemptRecord } from './record.js';
import { startRemoval } from './removal.js';

/** Does the attempts of a run: here, or on other machines. */
export interface Attempts {
  /** The final verdict, written to its record; undefined: there is nothing to be judged. Rejects when the run is killed, or when no record can be written. */
  attempt(job: Job, hooks: AttemptHooks): Promise<Verdict | undefined>;
  /** Resolves when nothing is left of the attempts, which have ended. */
  finish(): Promise<void>;
}

export type AttemptHooks = Pick<AttemptOptions, 'onRetry' | 'onPhase'> & {
  /** Opens the record of a try; `patch`: where it isn't the job's own. */
  readonly begin: (tries: number, patch?: string | null) => Promise<AttemptRecord>;
  /** Jobs that are next in turn. */
  readonly upcoming: () => readonly Job[];
};

interface AttemptsHereOptions {
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  readonly strict?: boolean;
  readonly retries: number;
  readonly onWarning: (message: string) => void;
  readonly kill: AbortSignal;
}

/** Attempts on the engine of the context; a container for the next job is started while the tests of one run. */
export function attemptsHere({ context, strict, retries, onWarning, kill }: AttemptsHereOptions): Attempts {
  const removal = startRemoval({ ...context, containers: context.engine.containers, onWarning });
  const ahead = startAhead({ ...context, signal: kill });
  const early = new Set<Job>();
  const engine = { ...context.engine, containers: ahead.containers };
  return {
    attempt: (job, { upcoming, onPhase, ...hooks }) =>
      attempt(job, {
        ...hooks,
        ...{ strict, retries, kill },
        context: { ...context, engine },
        discard: removal.discard,
        onPhase(phase) {
          onPhase(phase);
          // Not sooner: the engine has this job's own container to start before.
          if (phase !== 'test') return;
          const next = upcoming().filter((one) => !early.has(one));
          for (const one of next) early.add(one);
          next.filter(({ prediction }) => unusablePatch(prediction) === undefined).forEach(ahead.prepare);
        },
      }),
    async finish() {
      for (let left = ahead.take(); left !== undefined; left = ahead.take()) removal.discard(left);
      await removal.finish();
    },
  };
}

/** The same with so many at once, first come, first served. */
export function atMost(attempts: Attempts, most: number): Attempts {
  const inTurn = createLimit(most);
  return { ...attempts, attempt: (job, hooks) => inTurn(() => attempts.attempt(job, hooks)) };
}
