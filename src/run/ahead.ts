import type { Container, ContainerEngine } from '../engine/engine.js';
import { unusablePatch } from '../grade/unscored.js';
import { containerSpec, type Job, type RunInstanceContext } from '../run-instance.js';

/** Starts containers before their turn, so that a worker that gets free need not wait for the engine. */
export interface Ahead {
  /** The engine's, but that a container that is waiting for its job is handed out instead of a new one. */
  readonly containers: ContainerEngine;
  /** Gets the image of a job and starts its container, once; what fails here, the job itself will meet and tell. */
  prepare(job: Job): void;
  /** Those that were started and never asked for. */
  leftOver(): readonly Promise<Container>[];
}

/** Wraps the context's engine; preparations end with the context's signal. */
export function startAhead(context: Omit<RunInstanceContext, 'log' | 'onPhase' | 'discard'>): Ahead {
  const { engine, signal, resolveImage } = context;
  const waiting = new Map<string, Promise<Container>>();
  const seen = new Set<Job>();
  return {
    containers: {
      reap: (labels, isOrphan) => engine.containers.reap(labels, isOrphan),
      start(spec, bound) {
        const early = waiting.get(spec.name);
        waiting.delete(spec.name);
        const start = () => engine.containers.start(spec, bound);
        return early === undefined ? start() : early.catch(start);
      },
    },
    prepare(job) {
      if (seen.has(job) || unusablePatch(job.prediction) !== undefined) return;
      seen.add(job);
      const name = containerSpec(job, '', context).name;
      const early = resolveImage(job.spec, signal).then(({ ref }) =>
        engine.containers.start(containerSpec(job, ref, context), signal),
      );
      early.catch(() => waiting.delete(name));
      waiting.set(name, early);
    },
    leftOver: () => [...waiting.values()],
  };
}
