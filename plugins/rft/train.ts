import { type Static, Type } from 'typebox';
import {
  AssayError,
  type Clock,
  type Message,
  type Trajectory,
  type ValidationEntry,
} from '../../src/index.js';
import type { Journal } from '../trainer/journal.js';
import {
  assertScorable,
  checkpointOf,
  dropOldCheckpoint,
  type Lifetime,
  withTrainer,
} from '../trainer/lifetime.js';
import { allTurns, sequenceWithPrompt, type Tokenize, wellFormedTurns } from '../trainer/samples.js';
import { learningRate } from '../trainer/schedule.js';
import type { Episodes } from '../trainer/scored.js';
import {
  type LossSums,
  type Sequence,
  type SyncTarget,
  type Trainer,
  whileThere,
} from '../trainer/trainer.js';
import { planEpochs, tokensWithLoss } from './batches.js';
import type { RftConfig } from './config.js';
import { type Candidate, candidateOf, dropTooLong, type Selected, selectEpisodes } from './select.js';

/** A line of the journal. Steps after the last `saved` are computed again. */
export const RftEntry = Type.Union([
  Type.Object({
    type: Type.Literal('selected'),
    /** What was dropped, reason by reason. */
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        words: Type.String(),
        dropped: Type.Integer(),
        left: Type.Integer(),
      }),
    ),
    optimizerSteps: Type.Integer(),
  }),
  Type.Object({
    type: Type.Literal('step'),
    /** From 1. */
    step: Type.Integer(),
    episodes: Type.Integer(),
    learningRate: Type.Number(),
    gradientNorm: Type.Union([Type.Number(), Type.Null()]),
    /** Mean over the tokens with a loss. */
    loss: Type.Number(),
    tokens: Type.Integer(),
  }),
  Type.Object({ type: Type.Literal('saved'), step: Type.Integer(), weightVersion: Type.String() }),
]);
export type RftEntry = Static<typeof RftEntry>;

export interface RftRun extends Lifetime {
  readonly settings: RftConfig;
  readonly problems: readonly string[];
  readonly journal: Journal<RftEntry>;
  readonly target: SyncTarget;
  /** Plays the episodes with the demonstration and grades them, but for those that have been. */
  readonly play: (asked: {
    readonly url: string;
    readonly weightVersion: string;
    /** What the endpoint calls them; absent: the name of the settings. */
    readonly model?: string;
    /** Aborted: the trainer, and its server, are there no more. */
    readonly over: AbortSignal;
  }) => Promise<{ readonly episodes: Episodes }>;
  /** The prompt that is trained on: without the demonstration. */
  readonly promptOf: (instanceId: string) => readonly Message[];
  /** By the template of the model that is served at this endpoint. */
  readonly tokenizeAt: (url: string) => Tokenize;
  readonly validations: readonly Pick<ValidationEntry, 'instanceId' | 'class'>[];
  /** Writes the kept episodes for others, with a card. */
  readonly exportKept: (
    selected: Selected,
    kept: AsyncIterable<Trajectory>,
    sequenceOf: (trajectory: Trajectory) => Promise<Sequence>,
  ) => Promise<void>;
  readonly onEvent: (entry: RftEntry) => void | Promise<void>;
  readonly clock: Clock;
}

/**
 * Rejection fine-tuning (arXiv 2508.03501, section 4.2): episodes with the demonstration prompt, of which the resolved are learnt without it. Resolves with the folder of
 * the last checkpoint. Rejects as `trainDapo` does, and with `usage` where nothing was resolved.
 */
export async function trainRft(run: RftRun): Promise<string> {
  return withTrainer(
    run,
    () => lastSaved(run.journal.entries),
    (trainer, from) => tune(run, trainer, from),
  );
}

function lastSaved(entries: readonly RftEntry[]): number {
  return entries.reduce((last, entry) => (entry.type === 'saved' ? entry.step : last), 0);
}

async function tune(run: RftRun, trainer: Trainer, done: number): Promise<string> {
  const { settings, journal, folder } = run;
  const { algorithm, optimizer, output } = settings;
  const { url, weightVersion, model } = await trainer.sync(run.target);
  const { episodes } = await whileThere(trainer, (over) =>
    run.play({ url, weightVersion, ...(model === undefined ? {} : { model }), over }),
  );
  const tokenize = run.tokenizeAt(url);
  const sequenceOf = rendering(run, tokenize);
  const sequencesOf = reader(episodes, sequenceOf);
  const selected = await choose(run, episodes, sequencesOf);
  const plan = planEpochs(selected.kept, { ...algorithm, seed: settings.seed });
  if (!journal.entries.some(({ type }) => type === 'selected')) {
    await run.exportKept(selected, keptOf(selected, episodes), sequenceOf);
    const entry: RftEntry = { type: 'selected', steps: [...selected.steps], optimizerSteps: plan.length };
    await journal.append(entry);
    await run.onEvent(entry);
  }
  if (plan.length === 0)
    throw new AssayError(
      'usage',
      'no episode is left to train on: sample more, of easier problems, or from a stronger model',
    );
  for (const [index, batch] of plan.entries()) {
    const step = index + 1;
    if (step <= done) continue;
    run.signal.throwIfAborted();
    const sequences = await sequencesOf(batch);
    const normalizer = tokensWithLoss(sequences);
    const sums: LossSums = await trainer.accumulate(sequences, { kind: 'cross_entropy', normalizer });
    const rate = learningRate(index, plan.length, { ...optimizer, peak: optimizer.learningRate });
    const { gradientNorm } = await trainer.step({ learningRate: rate, gradientClip: optimizer.gradientClip });
    const { loss, tokens } = sums;
    const entry = {
      type: 'step',
      step,
      episodes: batch.length,
      learningRate: rate,
      gradientNorm,
      loss,
      tokens,
    } as const;
    await journal.append(entry);
    await run.onEvent(entry);
    if (gradientNorm === null)
      throw new AssayError('trainer_non_finite', `the gradient of step ${step} is not finite`);
    if (step % output.checkpointEvery === 0 || step === plan.length) {
      const { weightVersion } = await trainer.save(checkpointOf(folder, step));
      const saved = { type: 'saved', step, weightVersion } as const;
      await journal.append(saved);
      await run.onEvent(saved);
      await dropOldCheckpoint(folder, step, output);
    }
  }
  return checkpointOf(folder, plan.length);
}

type SequencesOf = (candidates: readonly Candidate[]) => Promise<readonly Sequence[]>;

/** An episode as the training prompt and what followed. */
function rendering({ promptOf, settings }: RftRun, tokenize: Tokenize) {
  const mask = settings.algorithm.maskFormatErrors ? wellFormedTurns : allTurns;
  const once = new Map<string, Promise<readonly number[]>>();
  return (trajectory: Trajectory): Promise<Sequence> => {
    const { instanceId } = trajectory.episode;
    const prompt = promptOf(instanceId);
    const ids = once.get(instanceId) ?? Promise.resolve(tokenize(prompt, true));
    once.set(instanceId, ids);
    return sequenceWithPrompt(trajectory, mask, { prompt, tokenize: () => ids });
  };
}

/** Reads episodes from the disk, in the order asked for. */
function reader(episodes: Episodes, sequenceOf: (trajectory: Trajectory) => Promise<Sequence>): SequencesOf {
  return async (candidates) => {
    const wanted = new Set(candidates.map(({ episodeId }) => episodeId));
    const found = new Map<string, Sequence>();
    for await (const { trajectory } of episodes(new Set(candidates.map(({ instanceId }) => instanceId)))) {
      const { episodeId } = trajectory.episode;
      if (wanted.has(episodeId)) found.set(episodeId, await sequenceOf(trajectory));
    }
    return candidates.map(({ episodeId }) => found.get(episodeId) as Sequence);
  };
}

async function choose(run: RftRun, episodes: Episodes, sequencesOf: SequencesOf): Promise<Selected> {
  const { validations } = run;
  const { algorithm, episode } = run.settings;
  const candidates: Candidate[] = [];
  for await (const { trajectory, outcome } of episodes()) candidates.push(candidateOf(trajectory, outcome));
  const unscorable = candidates.filter(({ outcome }) => outcome === null).length;
  assertScorable(candidates.length, unscorable, episode.maxUnscorable);
  const selected = selectEpisodes(candidates, { duplicates: algorithm.duplicates, validations });
  const lengths = new Map<string, number>();
  for (const instanceId of new Set(selected.kept.map((one) => one.instanceId))) {
    const own = selected.kept.filter((one) => one.instanceId === instanceId);
    for (const [at, { tokens }] of (await sequencesOf(own)).entries())
      lengths.set((own[at] as Candidate).episodeId, tokens.length);
  }
  return dropTooLong(selected, ({ episodeId }) => lengths.get(episodeId) ?? 0, episode.contextTokens);
}

async function* keptOf({ kept }: Selected, episodes: Episodes): AsyncGenerator<Trajectory> {
  const wanted = new Set(kept.map(({ episodeId }) => episodeId));
  for await (const { trajectory } of episodes(new Set(kept.map(({ instanceId }) => instanceId))))
    if (wanted.has(trajectory.episode.episodeId)) yield trajectory;
}
