import type {
  Clock,
  Container,
  ContainerSpec,
  Engine,
  Episode,
  EpisodeResult,
  Instance,
  Turn,
} from '../../src/index.js';
import { AssayError, createLimit, pause, toAssayError, withDeadline } from '../../src/index.js';
import { EpisodeFault, type Played, playEpisode, totalUsage } from './episode.js';
import { episodeIdOf, isFault } from './episodes.js';
import type { Policy } from './policy/policy.js';
import { openSandbox, type Sandbox } from './sandbox.js';
import type { Scaffold } from './scaffold/index.js';
import type { TrajectoryStore } from './store.js';

/** One sample of one instance. */
export interface EpisodeTask {
  readonly instance: Pick<Instance, 'instanceId' | 'repo' | 'problemStatement' | 'rowHash'>;
  /** From 1. */
  readonly sample: number;
  readonly workdir: string;
  /** Shell lines that make the environment active. */
  readonly activation: string;
  /** Finds, pulls or makes the image, and says what container an episode of it gets. */
  readonly container: (
    signal: AbortSignal,
  ) => Promise<{ readonly spec: ContainerSpec; readonly digest: string }>;
}

/** An episode that has ended; its turns are in the store. */
export interface Finished {
  readonly episode: Episode;
  readonly result: EpisodeResult;
}

export type RolloutEvent =
  /** It had ended before: it is given as it was recorded. */
  | { readonly type: 'episode_known'; readonly episodeId: string; readonly result: EpisodeResult }
  | { readonly type: 'episode_start'; readonly episodeId: string; readonly turns: number }
  | { readonly type: 'turn'; readonly episodeId: string; readonly turn: Turn }
  | { readonly type: 'episode_end'; readonly episodeId: string; readonly result: EpisodeResult };

export interface RolloutsOptions {
  readonly engine: Pick<Engine, 'containers'>;
  readonly policy: Policy;
  readonly scaffold: Scaffold;
  readonly store: TrajectoryStore;
  readonly clock: Clock;
  /** What all episodes of the run have in common. */
  readonly settings: Pick<Episode, 'model' | 'demonstration' | 'purpose' | 'limits'>;
  /** Episodes that have a container at once. */
  readonly sandboxes: number;
  /** Requests to the model at once. */
  readonly modelCalls: number;
  /** Further tries after failures that aren't the model's fault and may pass; each goes on where the last one stopped. */
  readonly retries: number;
  readonly onEvent: (event: RolloutEvent) => void;
  readonly onWarning: (message: string) => void;
  /** Aborted: no further episode begins. */
  readonly drain: AbortSignal;
  /** Aborted: running episodes are left as they are, to be gone on with. */
  readonly signal: AbortSignal;
}

export interface Rollouts {
  /**
   * Plays an episode, or gives it as it was recorded. `stop`: the group needs no more of it. An end of `policy_error` or `sandbox_error` is kept, too, and tried
   * again by the next run. Rejects when the run is aborted, when nothing can be recorded, and when the model's server refuses for a reason that will not pass.
   */
  play(task: EpisodeTask, stop: AbortSignal): Promise<Finished>;
}

/** Time for the engine and the diff of an episode; commands and model have their own. */
const START_SECONDS = 300;
const DIFF_SECONDS = 120;
const RETRY_WAIT_MS = 1000;
/** How often we look at what a sandbox has written. */
const DISK_SECONDS = 20;
const OVER_DISK = 'it wrote more to the disk than it may';

/** Plays episodes with queues of their own for sandboxes and model calls: a slow one holds up no other. */
export function startRollouts(options: RolloutsOptions): Rollouts {
  const { engine, policy, scaffold, store, clock, retries, onEvent, onWarning, signal } = options;
  const inSandbox = createLimit(options.sandboxes);
  const callModel = createLimit(options.modelCalls);
  /** By image and folder: the commit that trees are at when episodes begin. */
  const bases = new Map<string, string>();
  /** What the next episode would be refused for, as well. */
  let refusal: AssayError | undefined;

  /** One try in a container of its own. */
  async function attempt(episode: Episode, recorded: readonly Turn[], task: EpisodeTask, stop: AbortSignal) {
    const turns = [...recorded];
    const full = new AbortController();
    const over = new AbortController();
    const bound = AbortSignal.any([signal, stop, full.signal]);
    let container: Container | undefined;
    let imageDigest: string | undefined;
    let ended: Played['end'] | undefined;
    const record = async (turn: Turn) => {
      await store.append({ type: 'turn', episodeId: episode.episodeId, ...turn });
      turns.push(turn);
      onEvent({ type: 'turn', episodeId: episode.episodeId, turn });
    };
    try {
      const starting = { phase: 'start', seconds: START_SECONDS, clock, signal: bound } as const;
      const { spec, digest } = await task.container(bound);
      imageDigest = digest;
      const tree = `${digest} ${task.workdir}`;
      const { started, sandbox } = await withDeadline(starting, async (late) => {
        const started = await engine.containers.start(spec, late);
        container = started;
        const opening = { ...task, clock, signal: bound, starting: late, base: bases.get(tree) };
        return { started, sandbox: await openSandbox(started, opening) };
      });
      if (sandbox.base !== undefined) bases.set(tree, sandbox.base);
      whenOverDisk(started, over.signal).then(
        () => full.abort(),
        () => undefined,
      );
      const { end } = await playEpisode(episode, recorded, {
        ...{ policy, scaffold, session: sandbox.session, clock, callModel, record, signal: bound },
        onDrift: ({ index }) =>
          onWarning(
            `${episode.episodeId}: turn ${index} was answered in another way when it was done once more`,
          ),
      });
      ended = end;
      over.abort();
      await sandbox.session.close();
      const isGraded = end === 'submitted' || episode.limits.gradeUnsubmitted;
      const patch = isGraded ? await diffOf(sandbox, started, bound) : null;
      return { end, patch, turns, imageDigest };
    } catch (error) {
      signal.throwIfAborted();
      if (full.signal.aborted)
        return { end: 'sandbox_broken' as const, patch: null, turns, imageDigest, detail: OVER_DISK };
      if (stop.aborted) return { end: 'stopped_early' as const, patch: null, turns, imageDigest };
      const fault = error instanceof EpisodeFault ? error : new EpisodeFault('sandbox_error', error);
      if (fault.cause instanceof AssayError && fault.cause.class === 'input') {
        refusal ??= fault.cause;
        throw fault.cause;
      }
      return { end: fault.end, patch: null, turns, imageDigest, ended, error: toAssayError(fault.cause) };
    } finally {
      over.abort();
      await container?.destroy().catch((error: unknown) => onWarning(toAssayError(error).message));
    }
  }

  /** Null where there is none to be had, also as git is still at it after that time. */
  async function diffOf(sandbox: Sandbox, container: Container, bound: AbortSignal): Promise<string | null> {
    const collecting = { phase: 'collect', seconds: DIFF_SECONDS, clock, signal: bound } as const;
    try {
      return await withDeadline(collecting, sandbox.diff);
    } catch (error) {
      const isLate = error instanceof AssayError && error.code === 'phase_timeout';
      if (isLate && (await container.isBusy(bound))) return null;
      throw error;
    }
  }

  /** Resolves when the container has written more than it may. An engine that doesn't say is asked again. */
  async function whenOverDisk(container: Container, signal: AbortSignal): Promise<void> {
    do await pause(DISK_SECONDS * 1000, clock, signal);
    while (!(await container.isOverDisk(signal).catch(() => false)));
  }

  return {
    async play(task, stop) {
      const episodeId = episodeIdOf(task.instance.instanceId, task.sample);
      const known = store.known().get(episodeId);
      if (known?.result !== undefined && !isFault(known.result)) {
        const { episode, result } = known;
        onEvent({ type: 'episode_known', episodeId, result });
        return { episode, result };
      }
      return inSandbox(async () => {
        if (refusal !== undefined) throw refusal;
        if (options.drain.aborted) throw new AssayError('interrupted', `${episodeId} was not begun`);
        let episode = known?.episode;
        if (episode === undefined) {
          episode = newEpisode(episodeId, task, options);
          await store.append({ type: 'episode', ...episode });
        }
        let turns = known?.turns ?? [];
        onEvent({ type: 'episode_start', episodeId, turns: turns.length });
        let withoutDiff = 0;
        for (let tries = 1; ; tries++) {
          const played = await attempt(episode, turns, task, stop);
          turns = played.turns;
          const { patch, error, imageDigest } = played;
          if (played.ended !== undefined) withoutDiff++;
          if (error?.retryable === true && tries <= retries) {
            onWarning(`${episodeId}: ${error.message} [${error.code}]; trying again`);
            await pause(RETRY_WAIT_MS * 2 ** (tries - 1), clock, signal);
            continue;
          }
          const detail = error === undefined ? played.detail : `${error.message} [${error.code}]`;
          // Played to its end in several containers, none of which has a diff to give: that is what its commands do.
          const end = withoutDiff > 1 && withoutDiff === tries ? (played.ended ?? played.end) : played.end;
          const result: EpisodeResult = {
            end,
            ...(detail === undefined ? {} : { detail }),
            patch,
            turns: turns.length,
            usage: totalUsage(turns),
            seconds: turns.reduce((sum, { seconds }) => sum + seconds.policy + seconds.command, 0),
            ...(imageDigest === undefined ? {} : { imageDigest }),
            finishedAt: clock.iso(),
          };
          await store.append({ type: 'result', episodeId, ...result });
          onEvent({ type: 'episode_end', episodeId, result });
          return { episode, result };
        }
      });
    },
  };
}

function newEpisode(
  episodeId: string,
  { instance, sample, workdir }: EpisodeTask,
  { policy, scaffold, settings, clock }: RolloutsOptions,
): Episode {
  const { demonstration } = settings;
  return {
    schemaVersion: 1,
    episodeId,
    instanceId: instance.instanceId,
    sample,
    ...settings,
    scaffold: `${scaffold.name}@${scaffold.version}`,
    mode: policy.mode,
    rowHash: instance.rowHash,
    prompt: [...scaffold.prompt(instance, { demonstration, workdir })],
    startedAt: clock.iso(),
  };
}
