import { AssayError, type Clock, type Trajectory } from '../../src/index.js';
import type { Journal } from '../trainer/journal.js';
import {
  assertScorable,
  checkpointOf,
  dropOldCheckpoint,
  type Lifetime,
  withTrainer,
} from '../trainer/lifetime.js';
import type { Episodes, ScoredTrajectory } from '../trainer/scored.js';
import { type SyncTarget, type Trainer, whileThere } from '../trainer/trainer.js';
import { alarmsOf } from './alarms.js';
import { planSteps } from './batches.js';
import type { DapoConfig } from './config.js';
import {
  type DapoEntry,
  type IterationEntry,
  iterationsBefore,
  lastSaved,
  type StepEntry,
} from './entries.js';
import { learn } from './learn.js';
import { metricsOf } from './metrics.js';
import { problemsOf } from './problems.js';
import { signalOf } from './signal.js';
import { type EpisodeFacts, groupsOf, survey } from './survey.js';

/** What is played in an iteration. */
export interface Asked {
  /** From 1. */
  readonly iteration: number;
  readonly problems: readonly string[];
  /** Endpoint of the policy, and the version of the weights that it samples from. */
  readonly url: string;
  readonly weightVersion: string;
  /** What the endpoint calls them; absent: the name of the settings. */
  readonly model?: string;
  /** Aborted: the trainer, and its server, are there no more. */
  readonly over: AbortSignal;
}

export interface DapoRun extends Lifetime {
  readonly settings: DapoConfig;
  readonly pool: readonly string[];
  readonly journal: Journal<DapoEntry>;
  readonly target: SyncTarget;
  /** Plays and grades G episodes of each problem, but for those that have been. */
  readonly play: (asked: Asked) => Promise<{ readonly episodes: Episodes }>;
  readonly onEvent: (event: DapoEvent) => void | Promise<void>;
  readonly clock: Clock;
}

export type DapoEvent =
  | { readonly type: 'iteration_start'; readonly iteration: number; readonly problems: number }
  | DapoEntry;

/**
 * Iterations of rollouts, grading and optimiser steps (arXiv 2508.03501, section 4.3, after DAPO), from where the journal ends to the last one. Rejects with the
 * trainer's error where it dies again and again, with `too_many_failures` where the machine fails too many episodes, `trainer_non_finite` for a gradient that is not finite; the
 * last checkpoint stands, and the same call goes on.
 */
export async function trainDapo(run: DapoRun): Promise<void> {
  const { settings, journal, folder } = run;
  if (lastSaved(journal.entries) >= settings.iterations) return;
  await withTrainer(
    run,
    () => lastSaved(journal.entries),
    async (trainer, from) => {
      for (let iteration = from + 1; iteration <= settings.iterations; iteration++) {
        run.signal.throwIfAborted();
        await iterate(run, trainer, iteration);
        await dropOldCheckpoint(folder, iteration, settings.output);
      }
    },
  );
}

async function iterate(run: DapoRun, trainer: Trainer, iteration: number): Promise<void> {
  const { settings, journal, clock, onEvent, onWarning } = run;
  const before = clock.now();
  const { seed, algorithm, optimizer, episode } = settings;
  const problems = problemsOf({ seed, iteration: iteration - 1, count: algorithm.problems, pool: run.pool });
  await onEvent({ type: 'iteration_start', iteration, problems: problems.length });
  const { url, weightVersion, model } = await trainer.sync(run.target);
  const { episodes } = await whileThere(trainer, (over) =>
    run.play({
      iteration,
      problems,
      url,
      weightVersion,
      ...(model === undefined ? {} : { model }),
      over,
    }),
  );
  const facts = await survey(episodes());
  assertFresh(facts, weightVersion);
  const penalty =
    algorithm.penalty === 'none' ? null : { threshold: algorithm.turnThreshold, maxTurns: episode.turns };
  const { samples, counts } = signalOf(groupsOf(problems, facts), { ...algorithm, penalty });
  assertScorable(counts.episodes, counts.unscorable, episode.maxUnscorable);
  const { steps, warnings } = planSteps(samples, { ...algorithm, seed, iteration: iteration - 1 });
  for (const warning of warnings) onWarning(`iteration ${iteration}: ${warning}`);
  const trained = clock.now();
  const stepsBefore = iterationsBefore(journal.entries, iteration).at(-1)?.steps ?? 0;
  const learned = await learn({
    ...{ steps, stepsBefore, trainer, algorithm, optimizer },
    trajectories: (ids) => trajectoriesIn(episodes(ids)),
    async onStep({ episodes, learningRate, gradientNorm, sums }, index) {
      const step = stepsBefore + index + 1;
      const entry = {
        type: 'step',
        iteration,
        step,
        episodes,
        learningRate,
        gradientNorm,
        sums: { ...sums },
      } as const;
      warnOfOther(entry, journal.entries, onWarning);
      await journal.append(entry);
      await onEvent(entry);
    },
  });
  if (learned.at(-1)?.gradientNorm === null)
    throw new AssayError(
      'trainer_non_finite',
      `the gradient of step ${stepsBefore + learned.length} is not finite`,
    );
  const saved = iteration % settings.output.checkpointEvery === 0 || iteration === settings.iterations;
  if (saved) await trainer.save(checkpointOf(run.folder, iteration));
  const metrics = metricsOf(facts, learned, penalty);
  const alarms = alarmsOf({ metrics, counts: { ...counts } }, iterationsBefore(journal.entries, iteration));
  const entry: IterationEntry = {
    ...{ metrics, alarms: alarms.map(({ name, words }) => ({ name, words })) },
    ...{ type: 'iteration', iteration, outcomes: outcomesOf(facts), counts: { ...counts }, saved },
    steps: stepsBefore + learned.length,
    weightVersion: learned.at(-1)?.weightVersion ?? weightVersion,
    seconds: { rollouts: (trained - before) / 1000, training: (clock.now() - trained) / 1000 },
    finishedAt: clock.iso(),
  };
  await journal.append(entry);
  await onEvent(entry);
}

/** Synchronous training: all episodes of an iteration are of its weights. */
function assertFresh(facts: readonly EpisodeFacts[], weightVersion: string): void {
  for (const { episodeId, weightVersions } of facts) {
    const other = weightVersions.find((version) => version !== weightVersion);
    if (other !== undefined)
      throw new AssayError(
        'stale_weights',
        `episode ${episodeId} was sampled from weights ${other}, the trainer has ${weightVersion}`,
      );
  }
}

/** A step that was computed before the run was killed must come out as it did then. */
function warnOfOther(now: StepEntry, entries: readonly DapoEntry[], onWarning: DapoRun['onWarning']): void {
  const before = entries.findLast((entry) => entry.type === 'step' && entry.step === now.step);
  if (before !== undefined && before.type === 'step' && before.sums['loss'] !== now.sums['loss'])
    onWarning(
      `step ${now.step} was computed once more: its loss is ${now.sums['loss']}, and was ${before.sums['loss']}`,
    );
}

function outcomesOf(facts: readonly EpisodeFacts[]): IterationEntry['outcomes'] {
  const outcomes: IterationEntry['outcomes'] = {};
  for (const { instanceId, outcome } of facts) {
    const { resolved, scored } = outcomes[instanceId] ?? { resolved: 0, scored: 0 };
    outcomes[instanceId] = {
      resolved: resolved + (outcome ?? 0),
      scored: scored + (outcome === null ? 0 : 1),
    };
  }
  return outcomes;
}

async function* trajectoriesIn(episodes: AsyncIterable<ScoredTrajectory>): AsyncGenerator<Trajectory> {
  for await (const { trajectory } of episodes) yield trajectory;
}
