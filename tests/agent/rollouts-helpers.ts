import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EpisodeTask, RolloutEvent, RolloutsOptions } from '../../plugins/agent/rollouts.js';
import { startRollouts } from '../../plugins/agent/rollouts.js';
import { openStore } from '../../plugins/agent/store.js';
import type { Container, ContainerSpec, Engine } from '../../src/index.js';
import { type Bench, LIMITS, makeBench, usableIsolations } from '../engine/local/sandbox-helpers.js';
import { testClock } from '../helpers/jobs.js';
import { episode } from './records.js';
import { scaffoldNamed } from './scaffold-turns.js';

const [isolation = 'auto'] = await usableIsolations();

/** The local engine, with a count of its containers and ways to disturb them. */
export interface WatchedEngine extends Pick<Engine, 'containers'> {
  readonly alive: ReadonlyMap<string, Container>;
  readonly started: readonly ContainerSpec[];
  /** Most containers at once. */
  readonly most: () => number;
  /** Called before a container starts; may throw. */
  onStart: (spec: ContainerSpec) => void | Promise<void>;
}

export function watched({ engine }: Bench): WatchedEngine {
  const alive = new Map<string, Container>();
  const started: ContainerSpec[] = [];
  let most = 0;
  const all: WatchedEngine = {
    alive,
    started,
    most: () => most,
    onStart: () => undefined,
    containers: {
      ...engine.containers,
      async start(spec, signal) {
        await all.onStart(spec);
        const container = await engine.containers.start(spec, signal);
        started.push(spec);
        alive.set(container.id, container);
        most = Math.max(most, alive.size);
        return {
          ...container,
          async destroy() {
            await container.destroy();
            alive.delete(container.id);
          },
        };
      },
    },
  };
  return all;
}

/** Everything that rollouts need, with a store on the disk that can be opened again as by the next run. */
export async function rolloutBench() {
  const bench = await makeBench(isolation);
  await bench.importSample();
  const folders: string[] = [];
  return {
    bench,
    engine: () => watched(bench),
    folder: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'assay-rollouts-'));
      folders.push(folder);
      return folder;
    },
    async remove() {
      await bench.remove();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

export const never: AbortSignal = new AbortController().signal;

type Given = Pick<RolloutsOptions, 'engine' | 'policy'> &
  Partial<RolloutsOptions> & { readonly folder: string };

/** One run's rollouts; waits take a tenth of their time. */
export async function rollouts({ folder, ...given }: Given) {
  const events: RolloutEvent[] = [];
  const warnings: string[] = [];
  const store = await openStore(folder);
  const { limits } = episode();
  const started = startRollouts({
    scaffold: scaffoldNamed('tools'),
    store,
    clock: testClock(10),
    settings: { model: 'toy', demonstration: false, purpose: 'eval', limits },
    sandboxes: 4,
    modelCalls: 4,
    retries: 2,
    onEvent: (event) => events.push(event),
    onWarning: (words) => warnings.push(words),
    drain: never,
    signal: never,
    ...given,
  });
  const play = (sample: number, stop = never, more: Partial<EpisodeTask> = {}) =>
    started.play({ ...taskOf(sample), ...more }, stop);
  return { play, store, events, warnings };
}

export function taskOf(sample: number): EpisodeTask {
  return {
    instance: {
      instanceId: 'owner__name-1',
      repo: 'owner/name',
      problemStatement: 'It is broken.',
      rowHash: 'f00d',
    },
    sample,
    workdir: '/testbed',
    activation: '',
    container: async () => ({
      spec: { image: 'sample', name: `test.${sample}`, labels: {}, limits: LIMITS },
      digest: 'sha256:1',
    }),
  };
}

/** A promise and what resolves it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
