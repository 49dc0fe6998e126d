import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Engine, ImageInfo } from '../engine/engine.js';
import { environmentTag } from '../image/environment.js';
import type { ResolveOptions } from '../image/resolve.js';
import { imageUses } from '../image/usage-state.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { isAlive } from '../util/process.js';
import { messageOf } from '../util/words.js';
import { usage } from './exit.js';
import type { Host } from './host.js';
import { dockerPuller, type PullerSettings } from './images-puller.js';

export interface Connected {
  readonly engine: Engine;
  /** Finds, pulls or, for trees that we ship, makes the image of a spec. */
  readonly resolveImage: (spec: EvalSpec, signal: AbortSignal) => Promise<ImageInfo>;
}

/** How `resolveImage` gets an image that is not there. */
export interface ResolveSettings {
  /** `--runtime`: of containers in Docker. */
  readonly runtime?: string;
  readonly puller?: Partial<PullerSettings>;
  readonly build?: (engine: Engine) => ResolveOptions['build'];
  readonly alwaysBuild?: boolean;
  readonly beforeFurther?: (engine: Engine) => ResolveOptions['beforeFurther'];
}

/** The engine by name; the first call of it rejects with `engine_unavailable` when it doesn't answer. */
export async function connectEngine(
  name: 'docker' | 'local',
  host: Host,
  { runtime, puller: pulling = {}, build, alwaysBuild, beforeFurther }: ResolveSettings = {},
): Promise<Connected> {
  const { env, home } = host;
  if (name === 'docker') {
    const { dockerEngine } = await import('../engine/docker/index.js');
    const { resolveImage } = await import('../image/resolve.js');
    const { withWarmContainers } = await import('../image/warm.js');
    const docker = dockerEngine({
      host: env['DOCKER_HOST'],
      home,
      runtimeDir: env['XDG_RUNTIME_DIR'],
      configFolder: env['DOCKER_CONFIG'],
      ...(runtime === undefined ? {} : { runtime }),
    });
    const containers = withWarmContainers(docker.containers, docker.images, host.cacheDir);
    const engine: Engine = { ...docker, containers };
    const puller = dockerPuller(engine, host, pulling);
    const settings = { puller, build: build?.(engine), alwaysBuild, beforeFurther: beforeFurther?.(engine) };
    return {
      engine,
      async resolveImage(spec, signal) {
        const image = await resolveImage(spec, { ...settings, engine: engine.images, signal });
        await noteUse({ names: imageNames(spec, image.ref), host, signal });
        return image;
      },
    };
  }
  if (runtime !== undefined) throw usage('--runtime is for --engine docker');
  const { localEngine } = await import('../engine/local/index.js');
  const engine = localEngine({
    cacheDir: join(host.cacheDir, 'local'),
    path: env['PATH'] ?? '/usr/bin:/bin',
  });
  return {
    engine,
    async resolveImage({ images: [ref = ''], recipe }, signal) {
      const found = await engine.images.inspect(ref, signal);
      if (found !== undefined || recipe?.source.kind !== 'tree')
        return found ?? engine.images.pull(ref, { signal });
      return engine.importTree({ ref, dir: recipe.source.dir, workdir: recipe.workdir, signal });
    },
  };
}

/** Names of an image and of the environment that it may stand on. */
export function imageNames({ recipe }: Pick<EvalSpec, 'recipe'>, ref: string): readonly string[] {
  return recipe === undefined ? [ref] : [ref, environmentTag(recipe.environment)];
}

/** Keeps that images were used now, for pruning; where that fails it only warns. */
export async function noteUse(options: {
  readonly names: readonly string[];
  readonly host: Host;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { names, host, signal } = options;
  const { cacheDir, self: owner } = host;
  const now = Date.parse(host.clock.iso());
  try {
    await imageUses({ cacheDir, owner }).update(signal, (entries) => {
      for (const name of names) entries.set(name, now);
    });
  } catch (error) {
    signal.throwIfAborted();
    host.err(`warning: that ${names[0]} was used is not kept: ${messageOf(error)}`);
  }
}

/** Labels of every container of a run: which run, and which process of which machine will remove it. */
export function orphanLabels(runId: string, host: Host): Record<string, string> {
  return {
    'assay.run': runId,
    'assay.host': hostname(),
    'assay.pid': String(host.self.pid),
    'assay.started': host.self.started,
  };
}

/** True for labels of a process of this machine that lives no more. */
export function isOrphan(labels: Readonly<Record<string, string>>): boolean {
  return !isAlive({ pid: Number(labels['assay.pid']), started: labels['assay.started'] ?? '' });
}
