import { episodeIdOf, isFault } from '../../plugins/agent/episodes.js';
import type { Policy } from '../../plugins/agent/policy/policy.js';
import { type RolloutEvent, type RolloutsOptions, startRollouts } from '../../plugins/agent/rollouts.js';
import type { Scaffold } from '../../plugins/agent/scaffold/index.js';
import { openStore, type TrajectoryStore } from '../../plugins/agent/store.js';
import { activationOf } from '../container/activation.js';
import type { Engine } from '../engine/engine.js';
import type { Instance } from '../model/instance.js';
import type { RunEvent, RunInstance, RunResults } from '../model/run.js';
import type { EpisodeResult } from '../model/trajectory.js';
import { type Attempts, atMost, attemptsHere } from '../run/attempts.js';
import { evaluateBy } from '../run/evaluate.js';
import { readVerdicts } from '../run/folder.js';
import type { Job, RunInstanceContext } from '../run-instance.js';
import type { Host } from './host.js';
import type { Interrupt } from './interrupt.js';
import type { Plan } from './plan.js';
import { rolloutAttempts } from './rollout-attempts.js';
import { episodeContainer } from './rollout-container.js';
import { trajectoriesOf } from './trajectories.js';

interface Grade {
  readonly strict: boolean;
  readonly stopGroup?: number;
  /** Stands before the grader, e.g. to give verdicts that are known; such attempts wait in no queue. */
  readonly wrap?: (grader: Attempts) => Attempts;
}

export interface RolloutRun {
  readonly plan: Pick<Plan, 'folder' | 'manifest' | 'instances' | 'jobs'>;
  /** By id; holds all that have a job. */
  readonly instances: ReadonlyMap<string, Instance>;
  readonly engine: Engine;
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  /** Made once the run folder is this process's alone. */
  readonly policy: () => Policy;
  readonly scaffold: Scaffold;
  readonly settings: RolloutsOptions['settings'];
  /** At once. */
  readonly sandboxes: number;
  readonly modelCalls: number;
  readonly gradings: number;
  /** Absent: episodes aren't graded. */
  readonly grade?: Grade;
  readonly retries: number;
  readonly onEvent: (event: RolloutEvent) => void;
  readonly onRunEvent: (event: RunEvent) => void;
  readonly onWarning: (message: string) => void;
  readonly interrupt: Pick<Interrupt, 'drain' | 'kill'>;
  readonly host: Pick<Host, 'clock' | 'self'>;
}

export interface EpisodeOutcome {
  readonly job: Job;
  /** Absent: it has not ended. */
  readonly result: EpisodeResult | undefined;
}

export interface RolledOut {
  readonly results: RunResults;
  /** Of each job. */
  readonly outcomes: readonly EpisodeOutcome[];
  /** Episodes that failed for the machine's fault. */
  readonly faults: number;
}

/** Plays the episode of each job that the run folder has no end of, and grades it; `outcomes` also says what `onEnd` is given. */
export async function rollOut(
  run: RolloutRun,
  onEnd: (outcomes: readonly EpisodeOutcome[]) => Promise<void> = async () => undefined,
): Promise<RolledOut> {
  const { plan, context, engine, grade, host, onWarning, retries } = run;
  const { drain, kill } = run.interrupt;
  const { folder, jobs } = plan;
  const { clock } = host;
  let opened: Promise<TrajectoryStore> | undefined;
  const trajectories = () => {
    opened ??= openStore(trajectoriesOf(folder));
    return opened;
  };
  let outcomes: readonly EpisodeOutcome[] = [];
  const attempts = rolloutAttempts({
    async open() {
      const { scaffold, settings, sandboxes, modelCalls, onEvent } = run;
      return startRollouts({
        ...{ engine, clock, scaffold, settings, sandboxes, modelCalls, retries, onEvent, onWarning, drain },
        store: await trajectories(),
        policy: run.policy(),
        signal: kill,
      });
    },
    async close() {
      const store = await trajectories();
      outcomes = jobs.map((job) => ({ job, result: store.known().get(episodeOf(job))?.result }));
      await onEnd(outcomes);
      await store.close();
    },
    taskOf: ({ spec, prediction }: Job) => ({
      instance: run.instances.get(spec.instanceId) as Instance,
      sample: prediction.attempt,
      workdir: spec.workdir,
      activation: activationOf(spec),
      container: (signal) => episodeContainer({ spec, sample: prediction.attempt, context, signal }),
    }),
    ...(grade === undefined ? {} : { grader: graderOf(grade, run) }),
    ...{ stopGroup: grade?.stopGroup, engine: engine.name, clock },
    isolation: context.engineInfo.isolation,
    before: await readVerdicts(folder),
  });
  const results = await evaluateBy({
    ...{ folder, manifest: plan.manifest, jobs, attempts, clock, drain, kill, onWarning },
    instances: grade?.stopGroup === undefined ? plan.instances : plan.instances.map(withoutAttempts),
    owner: host.self,
    again: ({ outcome }) => outcome === 'infra_error',
    // All wait in the queues of the rollouts.
    workers: jobs.length,
    durations: new Map(),
    onEvent: run.onRunEvent,
  });
  const faults = outcomes.filter(({ result }) => result !== undefined && isFault(result)).length;
  return { results, outcomes, faults };
}

function graderOf({ strict, wrap = (grader) => grader }: Grade, run: RolloutRun): Attempts {
  const { context, retries, onWarning, interrupt } = run;
  const grader = attemptsHere({ context, strict, retries, onWarning, kill: interrupt.kill });
  return wrap(atMost(grader, run.gradings));
}

/** How many attempts there will be is not known beforehand. */
function withoutAttempts({ attempts: _planned, ...instance }: RunInstance): RunInstance {
  return instance;
}

function episodeOf({ spec, prediction }: Job): string {
  return episodeIdOf(spec.instanceId, prediction.attempt);
}
