import { AssayError, toAssayError } from '../errors.js';
import type { Prediction } from '../model/prediction.js';
import type { Phase, Verdict } from '../model/verdict.js';
import { toPrediction } from '../patch/read.js';
import type { Job, RunInstanceContext } from '../run-instance.js';
import { startAhead } from './ahead.js';
import { attempt } from './attempt.js';
import type { AttemptRecord } from './record.js';
import { startRemoval } from './removal.js';
import type { Task } from './task.js';

/** Finds verdicts by running tests, here or on other machines. */
export interface Grader {
  /** Gradings begin when `onStart` is called; absent: as soon as they are given. */
  readonly isElsewhere?: true;
  /** Resolves in any case: with a verdict, or with what kept the machine from one. */
  grade(task: Task, watch: Watch): Promise<Verdict | AssayError>;
  /** Makes a container ready for the task's instance; false when enough are. */
  prepare(task: Task): boolean;
  /** How many containers wait for an announced instance. */
  warm(): number;
  /** Resolves when nothing is left of all gradings, which have ended. */
  finish(): Promise<void>;
  /** Ends running gradings. */
  kill(): void;
}

/** Opens the record of a key for a try. */
export type Begin = (key: string, patch: string | null) => Promise<AttemptRecord>;

/** Told of a grading while it runs. */
export interface Watch {
  readonly onStart: () => void;
  readonly onPhase: (phase: Phase) => void;
  readonly onRetry: (verdict: Verdict) => void;
}

export interface LocalGraderOptions {
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  readonly begin: Begin;
  /** Further tries after failures that are the machine's fault and may pass. */
  readonly retries: number;
  /** Most containers that wait for announced instances, and for how many milliseconds. */
  readonly warm: { readonly containers: number; readonly milliseconds: number };
  readonly onWarning: (message: string) => void;
}

/** A grader on the engine of the context. */
export function localGrader({ context, begin, retries, warm, onWarning }: LocalGraderOptions): Grader {
  const killed = new AbortController();
  const removal = startRemoval({ ...context, containers: context.engine.containers, onWarning });
  const ahead = startAhead({ ...context, signal: killed.signal }, ({ labels }) => labels['assay.instance']);
  const engine = { ...context.engine, containers: ahead.containers };
  const { deadlines } = context;
  const waits = new Set<() => void>();
  let attempts = 0;
  const jobOf = (task: Task): Job => {
    const { spec, profile, prediction = predictionOf(task) } = task;
    // Of its own for each, as it names the container.
    return { spec, profile, prediction: { ...prediction, attempt: ++attempts } };
  };
  return {
    async grade(task, { onPhase, onRetry }) {
      try {
        return await attempt(jobOf(task), {
          context: {
            ...context,
            engine,
            deadlines: { ...deadlines, test: task.testSeconds ?? deadlines.test },
          },
          strict: task.strict,
          retries,
          begin: () => begin(task.key, task.prediction?.patch ?? task.asked.patch),
          ...{ onRetry, onPhase },
          discard: removal.discard,
          kill: killed.signal,
        });
      } catch (error) {
        if (!killed.signal.aborted) return toAssayError(error);
        return new AssayError('draining', 'the service was stopped before the tests had ended');
      }
    },
    prepare(task) {
      if (ahead.waiting() >= warm.containers) return false;
      const giveUp = ahead.prepare(jobOf(task));
      const cancel = context.clock.after(warm.milliseconds, () => {
        waits.delete(cancel);
        const old = giveUp();
        if (old !== undefined) removal.discard(old);
      });
      waits.add(cancel);
      return true;
    },
    warm: ahead.waiting,
    async finish() {
      // A timer that is left would keep the process alive until it fires.
      for (const cancel of waits) cancel();
      for (let one = ahead.take(); one !== undefined; one = ahead.take()) removal.discard(one);
      await removal.finish();
    },
    kill: () => killed.abort(),
  };
}

/** The patch of a task that is none of a run. */
export function predictionOf({ spec: { instanceId }, asked: { patch } }: Task): Prediction {
  return toPrediction({ instanceId, model: 'serve', attempt: 1, patch });
}
