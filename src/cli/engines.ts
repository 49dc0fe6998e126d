import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.js';
import { isAlive } from '../util/process.js';
import type { Host } from './host.js';

/** The engine by name, ready to use; `engine_unavailable` when it doesn't answer. */
export async function connectEngine(name: 'docker' | 'local', host: Host): Promise<Engine> {
  if (name === 'local') {
    const { localEngine } = await import('../engine/local/index.js');
    return localEngine({ cacheDir: join(host.cacheDir, 'local'), path: host.env['PATH'] ?? '/usr/bin:/bin' });
  }
  const { dockerEngine } = await import('../engine/docker/index.js');
  return dockerEngine({
    host: host.env['DOCKER_HOST'],
    home: host.home,
    runtimeDir: host.env['XDG_RUNTIME_DIR'],
  });
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
