import type { Container, ContainerEngine, ContainerSpec } from '../engine/engine.js';
import { containerSpec, type Job, type RunInstanceContext } from '../run-instance.js';

/** Starts containers before their turn, so that a worker that gets free need not wait for the engine. */
export interface Ahead {
  /** The engine's, but that a container that waits under the same key is handed out instead of a new one. */
  readonly containers: ContainerEngine;
  /**
   * Gets the image of a job and starts a container for it; what fails here, the job itself will meet and tell. The returned function
   * gives the container up, unless a job has it.
   */
  prepare(job: Job): () => Promise<Container> | undefined;
  /** How many containers wait. */
  waiting(): number;
  /** Gives up the one that has waited longest. */
  take(): Promise<Container> | undefined;
}

type AheadContext = Pick<
  RunInstanceContext,
  'engine' | 'signal' | 'resolveImage' | 'labels' | 'limits' | 'mayUseNetwork'
>;

/** Wraps the context's engine; preparations end with the context's signal. Containers with one key, by default their names, stand in for each other. */
export function startAhead(
  context: AheadContext,
  keyOf: (spec: Pick<ContainerSpec, 'name' | 'labels'>) => string | undefined = ({ name }) => name,
): Ahead {
  const { engine, signal, resolveImage } = context;
  const early = new Set<{ readonly key: string | undefined; readonly container: Promise<Container> }>();
  const first = (key: string | undefined) => [...early].find((one) => one.key === key);
  const take = (one: ReturnType<typeof first>) =>
    one !== undefined && early.delete(one) ? one.container : undefined;
  return {
    containers: {
      reap: (labels, isOrphan) => engine.containers.reap(labels, isOrphan),
      start(spec, bound) {
        const start = () => engine.containers.start(spec, bound);
        return take(first(keyOf(spec)))?.catch(start) ?? start();
      },
    },
    prepare(job) {
      const container = resolveImage(job.spec, signal).then(({ ref }) =>
        engine.containers.start(containerSpec(job, ref, context), signal),
      );
      const one = { key: keyOf(containerSpec(job, '', context)), container };
      container.catch(() => early.delete(one));
      early.add(one);
      return () => take(one);
    },
    waiting: () => early.size,
    take: () => take([...early][0]),
  };
}
