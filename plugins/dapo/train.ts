import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { AssayError, type Clock, type Trajectory } from '../../src/index.js';
import type { Journal } from '../trainer/journal.js';
import type { ScoredTrajectory } from '../trainer/scored.js';
import type { LoadOptions, SyncTarget, Trainer } from '../trainer/trainer.js';
import { type BatchSettings, planSteps } from './batches.js';
import { type LearnSettings, learn } from './learn.js';
import { metricsOf } from './metrics.js';
import { problemsOf } from './problems.js';
import { type SignalSettings, signalOf } from './signal.js';
import { type EpisodeFacts, groupsOf, survey } from './survey.js';

export interface DapoSettings extends SignalSettings, LearnSettings {
  readonly seed: number;
  readonly iterations: number;
  /** Problems of an iteration. */
  readonly problems: number;
  /** Episodes of each problem: G. */
  readonly groupSize: number;
  readonly batch: number;
  readonly epochs: number;
  readonly split: BatchSettings['split'];
  /** Ends the run when a larger share of an iteration's episodes is unscorable: then it's the machine that must be mended. */
  readonly maxUnscorable: number;
  /** Checkpoints that are kept, the newest ones. */
  readonly keep: number;
}

const Numbers = Type.Record(Type.String(), Type.Number());

const StepEntry = Type.Object({
  type: Type.Literal('step'),
  /** From 1. */
  iteration: Type.Integer(),
  /** Of the run, from 1. */
  step: Type.Integer(),
  episodes: Type.Integer(),
  learningRate: Type.Number(),
  gradientNorm: Type.Union([Type.Number(), Type.Null()]),
  /** As of the trainer: sums over the tokens with a loss. */
  sums: Numbers,
});
export type StepEntry = Static<typeof StepEntry>;

const IterationEntry = Type.Object({
  type: Type.Literal('iteration'),
  /** From 1. */
  iteration: Type.Integer(),
  /** Of the run so far. */
  steps: Type.Integer(),
  weightVersion: Type.String(),
  /** By instance: resolved episodes, and scorable ones. */
  outcomes: Type.Record(Type.String(), Type.Tuple([Type.Integer(), Type.Integer()])),
  counts: Numbers,
  metrics: Numbers,
  seconds: Type.Object({ rollouts: Type.Number(), training: Type.Number() }),
  finishedAt: Type.String(),
});
export type IterationEntry = Static<typeof IterationEntry>;

/** A line of the journal. The steps of an iteration without its own line are computed again from the checkpoint before it, to the same weights. */
export const DapoEntry = Type.Union([StepEntry, IterationEntry]);
export type DapoEntry = Static<typeof DapoEntry>;

/** What is played in an iteration. */
export interface Asked {
  /** From 1. */
  readonly iteration: number;
  readonly problems: readonly string[];
  readonly groupSize: number;
  /** Endpoint of the policy, and the version of the weights that it samples from. */
  readonly url: string;
  readonly weightVersion: string;
}

export interface PlayedIteration {
  /** Reads the episodes from the disk, each time anew; with ids only those of these instances. */
  readonly episodes: (instanceIds?: ReadonlySet<string>) => AsyncIterable<ScoredTrajectory>;
}

export interface DapoRun {
  readonly settings: DapoSettings;
  readonly pool: readonly string[];
  /** Holds `checkpoints/`. */
  readonly folder: string;
  readonly journal: Journal<DapoEntry>;
  /** Starts a trainer; called again where one has died. */
  readonly openTrainer: () => Promise<Trainer>;
  readonly load: Omit<LoadOptions, 'resume'>;
  readonly target: SyncTarget;
  /** Plays and grades the episodes of an iteration that have not been before. */
  readonly play: (asked: Asked) => Promise<PlayedIteration>;
  readonly onEvent: (event: DapoEvent) => void | Promise<void>;
  readonly onWarning: (message: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export type DapoEvent =
  | { readonly type: 'iteration_start'; readonly iteration: number; readonly problems: number }
  | DapoEntry;

/** Tries of an iteration whose trainer dies. */
const TRIES = 3;

/** Where the weights after an iteration are; 0: there are none, as it is the model itself. */
export const checkpointOf = (folder: string, iteration: number): string =>
  join(folder, 'checkpoints', String(iteration).padStart(4, '0'));

/** The last finished iteration of a journal; 0: none. */
export function lastIteration(entries: readonly DapoEntry[]): number {
  return entries.reduce((last, entry) => (entry.type === 'iteration' ? entry.iteration : last), 0);
}

/**
 * Iterations of rollouts, grading and optimiser steps (arXiv 2508.03501, section 4.3, after DAPO), from where the journal ends to the last one. Rejects with the
 * trainer's error after {@link TRIES} tries, with `too_many_failures` where the machine fails too many episodes, `trainer_non_finite` for a gradient that is not finite; the
 * last checkpoint stands, and the same call goes on.
 */
export async function trainDapo(run: DapoRun): Promise<void> {
  const { settings, journal, folder } = run;
  let trainer: Trainer | undefined;
  try {
    for (let done = lastIteration(journal.entries); done < settings.iterations; done++) {
      for (let tries = 1; ; tries++) {
        run.signal.throwIfAborted();
        try {
          trainer ??= await start(run, done);
          await iterate(run, trainer, done + 1);
          break;
        } catch (error) {
          run.signal.throwIfAborted();
          if (!(error instanceof AssayError && error.code === 'trainer_failed') || tries === TRIES)
            throw error;
          run.onWarning(
            `${error.message}; starting it again from ${done === 0 ? 'the model' : checkpointOf(folder, done)}`,
          );
          await trainer?.stop().catch(() => undefined);
          trainer = undefined;
        }
      }
      const old = done + 1 - settings.keep;
      if (old > 0) await rm(checkpointOf(folder, old), { recursive: true, force: true });
    }
  } finally {
    await trainer?.stop();
  }
}

async function start(run: DapoRun, done: number): Promise<Trainer> {
  const trainer = await run.openTrainer();
  try {
    await trainer.load({ ...run.load, ...(done === 0 ? {} : { resume: checkpointOf(run.folder, done) }) });
    return trainer;
  } catch (error) {
    await trainer.stop().catch(() => undefined);
    throw error;
  }
}

async function iterate(run: DapoRun, trainer: Trainer, iteration: number): Promise<void> {
  const { settings, journal, clock, onEvent, onWarning } = run;
  const before = clock.now();
  const { seed, groupSize } = settings;
  const problems = problemsOf({ seed, iteration: iteration - 1, count: settings.problems, pool: run.pool });
  await onEvent({ type: 'iteration_start', iteration, problems: problems.length });
  const { url, weightVersion } = await trainer.sync(run.target);
  const played = await run.play({ iteration, problems, groupSize, url, weightVersion });
  const facts = await survey(played.episodes());
  assertFresh(facts, weightVersion);
  const { samples, counts } = signalOf(groupsOf(problems, facts), settings);
  assertScorable(counts, settings.maxUnscorable);
  const { steps, warnings } = planSteps(samples, { ...settings, iteration: iteration - 1 });
  for (const warning of warnings) onWarning(`iteration ${iteration}: ${warning}`);
  const trained = clock.now();
  const stepsBefore = stepsOf(journal.entries, iteration - 1);
  const learned = await learn({
    ...{ steps, stepsBefore, trainer, settings },
    trajectories: (ids) => trajectoriesIn(played.episodes(ids)),
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
  const saved = await trainer.save(checkpointOf(run.folder, iteration));
  const entry: IterationEntry = {
    ...{ type: 'iteration', iteration, outcomes: outcomesOf(facts), counts: { ...counts } },
    steps: stepsBefore + learned.length,
    weightVersion: saved.weightVersion,
    metrics: metricsOf(facts, learned),
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

function assertScorable(
  { episodes, unscorable }: { readonly episodes: number; readonly unscorable: number },
  most: number,
): void {
  if (episodes === 0 || unscorable / episodes > most)
    throw new AssayError(
      'too_many_failures',
      `${unscorable} of ${episodes} episodes have no score for the machine's fault; a run goes on with at most ${most * 100} %`,
    );
}

function stepsOf(entries: readonly DapoEntry[], iteration: number): number {
  return entries.reduce(
    (steps, entry) => (entry.type === 'iteration' && entry.iteration === iteration ? entry.steps : steps),
    0,
  );
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
  const outcomes: Record<string, [number, number]> = {};
  for (const { instanceId, outcome } of facts) {
    outcomes[instanceId] ??= [0, 0];
    const tally = outcomes[instanceId];
    if (outcome === null) continue;
    tally[0] += outcome;
    tally[1]++;
  }
  return outcomes;
}

async function* trajectoriesIn(episodes: AsyncIterable<ScoredTrajectory>): AsyncGenerator<Trajectory> {
  for await (const { trajectory } of episodes) yield trajectory;
}
