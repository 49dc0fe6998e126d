import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Engine, ImageInfo } from '../engine/engine.js';
import type { EvalSpec } from '../model/eval-spec.js';
import { isAlive } from '../util/process.js';
import type { Host } from './host.js';

export interface Connected {
  readonly engine: Engine;
  /** Finds, pulls or, for trees that we ship, makes the image of a spec. */
  readonly resolveImage: (spec: EvalSpec, signal: AbortSignal) => Promise<ImageInfo>;
}

/** The engine by name; the first call of it rejects with `engine_unavailable` when it doesn't answer. */
export async function connectEngine(name: 'docker' | 'local', host: Host): Promise<Connected> {
  const { env, home } = host;
  if (name === 'docker') {
    const { dockerEngine } = await import('../engine/docker/index.js');
    const { resolveImage } = await import('../image/resolve.js');
    const engine = dockerEngine({
      host: env['DOCKER_HOST'],
      home,
      runtimeDir: env['XDG_RUNTIME_DIR'],
      configFolder: env['DOCKER_CONFIG'],
    });
    return { engine, resolveImage: (spec, signal) => resolveImage(spec, { engine: engine.images, signal }) };
  }
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
