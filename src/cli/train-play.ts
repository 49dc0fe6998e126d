import { join } from 'node:path';
import { openAiPolicy } from '../../plugins/agent/policy/open-ai.js';
import type { Policy } from '../../plugins/agent/policy/policy.js';
import type { RolloutEvent } from '../../plugins/agent/rollouts.js';
import type { Scaffold } from '../../plugins/agent/scaffold/index.js';
import { readTrajectories } from '../../plugins/agent/store.js';
import { type ScoredTrajectory, scoredTrajectories } from '../../plugins/trainer/scored.js';
import type { Engine } from '../engine/engine.js';
import type { Instance } from '../model/instance.js';
import type { RunEvent } from '../model/run.js';
import type { EpisodeLimits } from '../model/trajectory.js';
import type { KnownVerdicts } from '../run/known.js';
import type { Job } from '../run-instance.js';
import type { Host } from './host.js';
import type { Interrupt } from './interrupt.js';
import type { Plan } from './plan.js';
import { type RolloutRun, rollOut } from './rollout-run.js';
import { trajectoriesOf } from './trajectories.js';

/** What all rollouts of a training have in common. */
export interface TrainingGround {
  /** Of every instance of the pool, with one job each. */
  readonly plan: Plan;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly engine: Engine;
  readonly context: RolloutRun['context'];
  readonly scaffold: Scaffold;
  readonly limits: EpisodeLimits;
  /** Most tokens of one turn. */
  readonly maxTokens: number;
  readonly sandboxes: number;
  readonly modelCalls: number;
  readonly gradings: number;
  readonly verdict: 'strict' | 'official';
  readonly known: KnownVerdicts;
  readonly retries: number;
  readonly onEvent: (event: RolloutEvent) => void;
  readonly onRunEvent: (event: RunEvent) => void;
  readonly onWarning: (message: string) => void;
  readonly interrupt: Pick<Interrupt, 'drain' | 'kill'>;
  readonly host: Host;
}

export interface PlayRequest {
  /** The run folder, below the training's: `rollouts`, `iterations/0007`. */
  readonly name: string;
  readonly problems: readonly string[];
  /** Episodes of each problem. */
  readonly samples: number;
  readonly url: string;
  readonly model: string;
  readonly demonstration: boolean;
  readonly temperature: number;
  /** `training`: refused unless the server confirms plain sampling. */
  readonly purpose: 'training' | 'eval';
  /** Aborted: nobody samples any more; what runs is left as it is. */
  readonly over: AbortSignal;
}

export interface PlayedRun {
  /** Reads the episodes from the disk, each time anew; with ids only those of these instances. */
  readonly episodes: (instanceIds?: ReadonlySet<string>) => AsyncIterable<ScoredTrajectory>;
}

/** Plays and grades episodes in run folders; a patch that comes again has the verdict that it had. */
export function trainingPlayer(
  ground: TrainingGround,
  folder: string,
): (ask: PlayRequest) => Promise<PlayedRun> {
  const jobOf = new Map(ground.plan.jobs.map((job) => [job.spec.instanceId, job]));
  return async (ask) => {
    const run = join(folder, ask.name);
    const jobs = ask.problems.flatMap((id) => attemptsAt(jobOf.get(id) as Job, ask));
    const { results } = await rollOut({
      ...ground,
      plan: { folder: run, jobs, ...planned(ground.plan, ask) },
      interrupt: {
        drain: ground.interrupt.drain,
        kill: AbortSignal.any([ground.interrupt.kill, ask.over]),
      },
      policy: () => policyFor(ask, ground),
      settings: {
        model: ask.model,
        demonstration: ask.demonstration,
        purpose: ask.purpose,
        limits: ground.limits,
      },
      grade: {
        strict: ground.verdict === 'strict',
        wrap: (grader) => ground.known.before(grader, run),
      },
    });
    return {
      episodes: (ids) =>
        scoredTrajectories(readTrajectories(trajectoriesOf(run), ids), results.verdicts, ground.verdict),
    };
  };
}

function attemptsAt(job: Job, { samples, model }: PlayRequest): readonly Job[] {
  return Array.from({ length: samples }, (_, index) => ({
    ...job,
    prediction: { ...job.prediction, model, attempt: index + 1 },
  }));
}

/** The run of some of the instances. */
function planned({ manifest, instances }: Plan, { name, problems, samples, model }: PlayRequest) {
  const chosen = new Set(problems);
  return {
    manifest: {
      ...manifest,
      runId: `${manifest.runId}.${name.replaceAll('/', '.')}`,
      settings: { ...manifest.settings, model },
    },
    instances: instances
      .filter(({ instanceId }) => chosen.has(instanceId))
      .map((instance) => ({ ...instance, attempts: samples })),
  };
}

/** Every control that changes the distribution is off, but for the temperature. */
function policyFor({ url, model, purpose, temperature }: PlayRequest, ground: TrainingGround): Policy {
  const { host, limits, maxTokens, onWarning } = ground;
  const key = host.env['ASSAY_API_KEY'] || undefined;
  return openAiPolicy({
    baseUrl: url,
    ...{ model, purpose, mode: 'token', contextTokens: limits.contextTokens },
    ...(key === undefined ? {} : { key }),
    decoding: {
      ...{ temperature, topP: 1, topK: -1, minP: 0, repetitionPenalty: 1 },
      ...{ presencePenalty: 0, frequencyPenalty: 0, maxTokens },
    },
    onRetry: onWarning,
    clock: host.clock,
    random: Math.random,
  });
}
