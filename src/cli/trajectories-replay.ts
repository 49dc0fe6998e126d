import { resolve } from 'node:path';
import { isFault } from '../../plugins/agent/episodes.js';
import { type Replay, replay } from '../../plugins/agent/replay.js';
import { openSandbox } from '../../plugins/agent/sandbox.js';
import { type Scaffold, scaffolds } from '../../plugins/agent/scaffold/index.js';
import { readTrajectories } from '../../plugins/agent/store.js';
import { activationOf } from '../container/activation.js';
import type { EvalSpec } from '../model/eval-spec.js';
import type { Trajectory } from '../model/trajectory.js';
import { readManifest } from '../run/folder.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { loadInstances, specsOf } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { episodeContainer } from './rollout-container.js';
import type { RolloutArgs } from './rollout-flags.js';
import { presentTrajectories, wantedEpisode } from './trajectories.js';

type ReplayArgs = Readonly<{
  run: string;
  episode?: string;
  json: boolean;
  'allow-unisolated': boolean;
  offline?: boolean;
}>;
type Context = Awaited<ReturnType<typeof contextFor>>['context'];

/** `assay trajectories replay`: the responses of a run's episodes again, each in a new sandbox, and whether they come to the same. */
export async function replayTrajectories(
  raw: Readonly<Record<string, unknown>>,
  host: Host,
): Promise<number> {
  const args = raw as unknown as ReplayArgs;
  const folder = presentTrajectories(args.run, host.cwd);
  const { settings, runId } = await readManifest(resolve(host.cwd, args.run));
  const options = {
    ...(settings.options as unknown as RolloutArgs),
    ...pickUnisolated(args),
    offline: args.offline,
  };
  const specs = specsOf((await loadInstances(options, host)).ofAllShards);
  const { kill, release } = listenForInterrupt(host);
  const connected = await connectForInstances(options, {
    engineName: settings.engine === 'local' ? 'local' : 'docker',
    ...{ host, pullSeconds: deadlinesOf(options).pull, onLog: host.err, signal: kill },
  });
  try {
    const { context } = await contextFor(options, { connected, host, runId, trusted: false });
    let replayed = 0;
    let differing = 0;
    for await (const trajectory of readTrajectories(folder)) {
      const { episode } = trajectory;
      if (args.episode !== undefined && episode.episodeId !== wantedEpisode(args.episode)) continue;
      const spec = specs.get(episode.instanceId);
      if (spec === undefined) throw usage(`the dataset of ${args.run} has no ${episode.instanceId}`);
      const found = await replayOne(trajectory, { spec, context, signal: kill });
      const isSame = found.differing.length === 0 && hasSamePatch(trajectory, found);
      replayed++;
      if (!isSame) differing++;
      host.out(
        args.json
          ? JSON.stringify({ episodeId: episode.episodeId, isSame, ...found })
          : words(trajectory, found),
      );
    }
    if (replayed === 0) throw usage(`${args.run} has no episode ${args.episode ?? ''}`);
    return differing === 0 ? EXIT.done : EXIT.belowThreshold;
  } finally {
    release();
    await connected.engine.close();
  }
}

function pickUnisolated({ 'allow-unisolated': isAllowed }: ReplayArgs) {
  return isAllowed ? { 'allow-unisolated': true } : {};
}

async function replayOne(
  trajectory: Trajectory,
  { spec, context, signal }: { spec: EvalSpec; context: Context; signal: AbortSignal },
): Promise<Replay> {
  const { episode } = trajectory;
  const { engine, clock } = context;
  const container = await episodeContainer({ spec, sample: episode.sample, context, signal });
  const started = await engine.containers.start(container.spec, signal);
  try {
    const { workdir } = spec;
    const sandbox = await openSandbox(started, { workdir, activation: activationOf(spec), clock, signal });
    return await replay(trajectory, { scaffold: scaffoldOf(episode.scaffold), sandbox, signal });
  } finally {
    await started.destroy();
  }
}

/** The scaffold by name and version; another version would answer in other words. */
function scaffoldOf(named: string): Scaffold {
  const scaffold = Object.values(scaffolds).find(({ name, version }) => `${name}@${version}` === named);
  if (scaffold === undefined) throw usage(`this release has no scaffold ${named}`);
  return scaffold;
}

/** Of an episode that has no patch for another reason than its sandbox, there is nothing to compare. */
function hasSamePatch({ result }: Trajectory, { patch }: Replay): boolean {
  if (result === undefined || isFault(result) || result.end === 'stopped_early') return true;
  return result.patch === patch || (result.patch === null && result.end !== 'submitted');
}

function words(trajectory: Trajectory, found: Replay): string {
  const { episode, turns } = trajectory;
  const { differing } = found;
  const facts = [
    `${turns.length} turns`,
    differing.length === 0
      ? 'the same observations'
      : `other observations in turn ${differing.map(({ index }) => index).join(', ')}`,
    hasSamePatch(trajectory, found) ? 'the same diff' : 'another diff',
  ];
  return `${episode.episodeId}  ${facts.join(', ')}`;
}
