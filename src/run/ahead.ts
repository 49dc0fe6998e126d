import type { Container, ContainerEngine, ContainerSpec } from '../engine/engine.js';
import { containerSpec, type Job, type RunInstanceContext, SKIPPED } from '../run-instance.js';

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

interface Early {
  readonly key: string | undefined;
  readonly container: Promise<Container>;
  /** Made ready for a script without its re-install; undefined: not known yet. */
  isReady: boolean | undefined;
}

function isReady({ labels }: Pick<ContainerSpec, 'labels'>): boolean {
  return Object.entries(SKIPPED).every(([name, value]) => labels[name] === value);
}

type AheadContext = Pick<
  RunInstanceContext,
  'engine' | 'signal' | 'resolveImage' | 'labels' | 'limits' | 'mayUseNetwork' | 'reinstall'
>;

/**
 * Wraps the context's engine; preparations end with the context's signal. Containers with one key, by default their names, stand in for each other;
 * those that are made ready for scripts without their re-install do so among themselves.
 */
export function startAhead(
  context: AheadContext,
  keyOf: (spec: Pick<ContainerSpec, 'name' | 'labels'>) => string | undefined = ({ name }) => name,
): Ahead {
  const { engine, signal, resolveImage, reinstall } = context;
  const early = new Set<Early>();
  const first = (spec: ContainerSpec) =>
    [...early].find((one) => one.key === keyOf(spec) && one.isReady === isReady(spec));
  const take = (one: ReturnType<typeof first>) =>
    one !== undefined && early.delete(one) ? one.container : undefined;
  return {
    containers: {
      reap: (labels, isOrphan) => engine.containers.reap(labels, isOrphan),
      start(spec, bound) {
        const start = () => engine.containers.start(spec, bound);
        return take(first(spec))?.catch(start) ?? start();
      },
    },
    prepare(job) {
      const key = keyOf(containerSpec(job, '', context));
      // What it will be is only known when the image is there; nobody may take it before.
      const one: Early = { key, isReady: reinstall === undefined ? false : undefined, container: begin() };
      async function begin(): Promise<Container> {
        const image = await resolveImage(job.spec, signal);
        const makeReady = await reinstall?.makeReady(job, image);
        one.isReady = makeReady !== undefined;
        const started = await engine.containers.start(
          containerSpec(job, image.ref, context, one.isReady),
          signal,
        );
        try {
          await makeReady?.(started, signal);
          return started;
        } catch (error) {
          await started.destroy();
          throw error;
        }
      }
      const { container } = one;
      container.catch(() => early.delete(one));
      early.add(one);
      return () => take(one);
    },
    waiting: () => early.size,
    take: () => take([...early][0]),
  };
}
