import { isFault } from '../../plugins/agent/episodes.js';
import type { EpisodeTask, Rollouts } from '../../plugins/agent/rollouts.js';
import { AssayError } from '../errors.js';
import type { EpisodeResult } from '../model/trajectory.js';
import type { Verdict } from '../model/verdict.js';
import { toPrediction } from '../patch/read.js';
import type { AttemptHooks, Attempts } from '../run/attempts.js';
import { unjudged } from '../run/unjudged.js';
import type { Job } from '../run-instance.js';
import type { Clock } from '../util/clock.js';

interface RolloutAttemptsOptions {
  /** Called once the run folder is this process's alone. */
  readonly open: () => Promise<Rollouts>;
  /** Called when all has ended, while the run folder is still this process's. */
  readonly close: () => Promise<void>;
  readonly taskOf: (job: Job) => EpisodeTask;
  /** Grades what episodes end with; absent: they aren't graded. */
  readonly grader?: Attempts;
  /** Ends the other episodes of an instance once so many are resolved. */
  readonly stopGroup?: number;
  /** Verdicts that the run has already. */
  readonly before: readonly Verdict[];
  /** Of the episodes, for verdicts on those that could not be played. */
  readonly engine: string;
  readonly isolation: string;
  readonly clock: Clock;
}

interface Group {
  resolved: number;
  readonly stop: AbortController;
}

/** Attempts that play an episode first, and grade its patch while others are still played. */
export function rolloutAttempts(options: RolloutAttemptsOptions): Attempts {
  const {
    open,
    close,
    taskOf,
    grader,
    stopGroup = Number.POSITIVE_INFINITY,
    before,
    engine,
    isolation,
    clock,
  } = options;
  const groups = new Map<string, Group>();
  let opened: Promise<Rollouts> | undefined;

  function groupOf(instanceId: string): Group {
    const known = groups.get(instanceId);
    if (known !== undefined) return known;
    const group = { resolved: 0, stop: new AbortController() };
    groups.set(instanceId, group);
    return group;
  }
  function count(verdict: Verdict): void {
    const group = groupOf(verdict.instanceId);
    if (verdict.strict?.resolved ?? verdict.outcome === 'resolved') group.resolved++;
    if (group.resolved >= stopGroup) group.stop.abort();
  }
  before.forEach(count);

  async function judge(job: Job, result: EpisodeResult, hooks: AttemptHooks): Promise<Verdict | undefined> {
    if (grader === undefined || result.end === 'stopped_early') return undefined;
    if (isFault(result)) {
      const code = result.end === 'policy_error' ? 'policy_unavailable' : 'engine_failed';
      const error = new AssayError(code, result.detail ?? result.end);
      const verdict = unjudged(job, error, { engine, isolation, clock });
      await (await hooks.begin(1, null)).finish(verdict);
      return verdict;
    }
    const { instanceId, model, attempt } = job.prediction;
    const prediction = toPrediction({ instanceId, model, attempt, patch: result.patch });
    return grader.attempt(
      { ...job, prediction },
      { ...hooks, begin: (tries) => hooks.begin(tries, result.patch) },
    );
  }

  return {
    async attempt(job, hooks) {
      opened ??= open();
      const { stop } = groupOf(job.spec.instanceId);
      const { result } = await (await opened).play(taskOf(job), stop.signal);
      const verdict = await judge(job, result, hooks);
      if (verdict !== undefined) count(verdict);
      return verdict;
    },
    async finish() {
      await grader?.finish();
      await close();
    },
  };
}
