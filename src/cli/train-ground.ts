import { join, relative, resolve } from 'node:path';
import { type Scaffold, scaffolds } from '../../plugins/agent/scaffold/index.js';
import type { LoadOptions, SyncTarget, Trainer } from '../../plugins/trainer/trainer.js';
import { AssayError } from '../errors.js';
import type { Instance } from '../model/instance.js';
import { toPrediction } from '../patch/read.js';
import { type KnownVerdicts, knownVerdicts } from '../run/known.js';
import { defaultWorkers } from '../run/schedule.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { canonicalJson } from '../util/hash.js';
import { takeLock } from '../util/lock.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import type { Host } from './host.js';
import { neededImages } from './images-resolve.js';
import { loadInstances } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { DEFINING, definingOptions, type Plan, planOf } from './plan.js';
import { knownTroubles } from './results.js';
import { rolloutProgress } from './rollout-progress.js';
import type { TrainArgs } from './train-args.js';
import { type PlayedRun, type PlayRequest, trainingPlayer } from './train-play.js';
import { loadOptions, POLICY, type Settings, targetOf, trainerFor } from './train-trainer.js';

/** What a training works with, on this machine. */
export interface Training {
  /** Absolute. */
  readonly folder: string;
  readonly plan: Plan;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly play: (ask: PlayRequest) => Promise<PlayedRun>;
  readonly openTrainer: () => Promise<Trainer>;
  readonly load: Omit<LoadOptions, 'resume'>;
  readonly target: SyncTarget;
  /** The name of the model at its endpoint. */
  readonly model: string;
  readonly scaffold: Scaffold;
  /** Kills requests and the trainer. */
  readonly kill: AbortSignal;
  /** Aborted: no further iteration or step begins. */
  readonly signal: AbortSignal;
}

/** What several trainings of one process may have in common. */
export interface Shared {
  /** In place of that of the settings. */
  readonly scaffold?: Scaffold;
  readonly known?: KnownVerdicts;
}

/**
 * Reads the dataset, connects the engine, takes the folder of the training, and does the work; all is given back at its end. Rejects with `run_changed` where
 * the folder holds a training with other settings.
 */
export async function withTraining<T>(
  args: TrainArgs,
  settings: Settings,
  host: Host,
  work: (training: Training) => Promise<T>,
  shared: Shared = {},
): Promise<T> {
  const folder = resolve(host.cwd, settings.output.folder);
  const { plan, instances } = await planFor(args, settings, host);
  const interrupt = listenForInterrupt(host);
  const signal = AbortSignal.any([interrupt.drain, interrupt.kill]);
  const progress = rolloutProgress(args, undefined, host);
  let release: (() => Promise<void>) | undefined;
  try {
    release = await takeLock(join(folder, 'lock'), host.self);
    await keepSettings(folder, settings);
    const connected = await connectForInstances(args, {
      engineName: plan.engineName,
      host,
      pullSeconds: deadlinesOf(args).pull,
      onLog: progress.warn,
      signal: interrupt.kill,
      needed: neededImages(plan.jobs, []),
    });
    const { engine } = connected;
    try {
      const { context, workers } = await contextFor(args, {
        ...{ connected, host, trusted: false },
        runId: plan.manifest.runId,
      });
      const { episode, policy, algorithm } = settings;
      const { cpus, freeMemoryBytes, isolation } = context.engineInfo;
      const sandboxes = episode.sandboxes ?? workers;
      const gradings = episode.gradings ?? defaultWorkers(cpus, freeMemoryBytes);
      const scaffold = shared.scaffold ?? (scaffolds[episode.scaffold] as Scaffold);
      host.err(
        `${plan.jobs.length} problems, ${sandboxes} episodes at once, ${engine.name} (${isolation}) -> ${relative(host.cwd, folder)}`,
      );
      const play = trainingPlayer(
        {
          ...{ plan, instances, engine, scaffold, sandboxes, gradings, interrupt, host },
          context: { ...context, notesOn: await knownTroubles(plan.manifest, host) },
          limits: {
            ...{ turns: episode.turns, contextTokens: episode.contextTokens },
            ...{ commandSeconds: episode.commandSeconds, episodeSeconds: episode.episodeSeconds },
            ...{ observationChars: episode.observationChars, gradeUnsubmitted: episode.gradeUnsubmitted },
          },
          maxTokens: policy.maxTokens,
          modelCalls: policy.calls ?? sandboxes,
          verdict: algorithm.verdict,
          known: shared.known ?? knownVerdicts({ strict: algorithm.verdict === 'strict' }),
          retries: args.retries ?? 2,
          onEvent: progress.onEvent,
          onRunEvent: progress.onRunEvent,
          onWarning: progress.warn,
        },
        folder,
      );
      return await work({
        ...{ folder, plan, instances, play, scaffold, kill: interrupt.kill, signal },
        openTrainer: () => trainerFor(settings, folder, interrupt, host),
        load: loadOptions(settings),
        target: targetOf(settings, folder),
        model: policy.model ?? POLICY,
      });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AssayError('interrupted', `the training in ${relative(host.cwd, folder)} was interrupted`);
    } finally {
      await engine.close();
    }
  } finally {
    await release?.();
    progress.stop();
    interrupt.release();
  }
}

/** The problems of the configuration, as other commands are told of them. */
export function datasetArgs(args: TrainArgs, { dataset }: Settings) {
  const { name, profile, selection, split, revision } = dataset;
  const { ids, idFile, repos, shuffleSeed, ...same } = selection;
  const chosen = { ...same, id: ids, 'id-file': idFile, repo: repos, shuffle: shuffleSeed };
  return { ...args, ...chosen, dataset: name, profile, split, revision };
}

async function planFor(args: TrainArgs, settings: Settings, host: Host) {
  const { policy } = settings;
  const flags = datasetArgs(args, settings);
  const loaded = await loadInstances(flags, host);
  const model = policy.model ?? POLICY;
  const plan = planOf({ ...flags, epochs: 1 }, host, {
    dataset: loaded,
    predictions: loaded.instances.map(({ instanceId }) =>
      toPrediction({ instanceId, model, attempt: 1, patch: null }),
    ),
    ...{ model, label: 'train', source: 'rollout', sha256: '', trusted: false },
    options: definingOptions(flags, DEFINING),
  });
  return { plan, instances: new Map(loaded.instances.map((one) => [one.instanceId, one])) };
}

/** Settings that may differ from one start to the next: where things are, and how much is done at once. */
const FREE = ['trainer', 'iterations', 'output'] as const;

async function keepSettings(folder: string, settings: Settings): Promise<void> {
  const { policy, episode, model, ...rest } = settings;
  const { sandboxes: _sandboxes, gradings: _gradings, ...episodes } = episode;
  const { microBatchTokens: _tokens, checkpointing: _checkpointing, ...weights } = model;
  const defining = Object.fromEntries(
    Object.entries({
      ...rest,
      policy: { maxTokens: policy.maxTokens },
      episode: episodes,
      model: weights,
    }).filter(([name]) => !FREE.includes(name as never)),
  );
  const path = join(folder, 'settings.json');
  const before = await readIfExists(path);
  if (before === undefined) return writeAtomic(path, `${JSON.stringify(defining, null, 2)}\n`);
  const old = JSON.parse(before) as Record<string, unknown>;
  const changed = Object.keys({ ...old, ...defining }).filter(
    (name) =>
      canonicalJson(old[name] ?? null) !== canonicalJson(JSON.parse(JSON.stringify(defining[name] ?? null))),
  );
  if (changed.length > 0)
    throw new AssayError(
      'run_changed',
      `${folder} holds a training with another ${changed.join(', ')} (${path})`,
    );
}
