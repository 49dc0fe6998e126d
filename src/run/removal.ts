import type { Container, ContainerEngine } from '../engine/engine.js';
import { type Clock, pause, within } from '../util/clock.js';
import { messageOf } from '../util/words.js';

/** Removes the containers of a run beside its other work, and knows at the end whether any may be left. */
export interface Removal {
  /** Takes a container whose removal nobody waits for, or a start that was given up and may still succeed. */
  readonly discard: (container: Container | Promise<Container>) => void;
  /** Resolves when all are gone, also those that the engine made although it could not say so; or when it has taken too long, with a warning. */
  finish(): Promise<void>;
}

interface RemovalOptions {
  readonly containers: ContainerEngine;
  /** Labels that the containers of this run have, and no others. */
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
}

/** How long a run waits at its end for containers to be gone: an engine that answers needs 10 s at most for a kill. */
const REMOVAL_WAIT_MS = 60_000;
/** An engine that is restarted is away for some seconds: for so long a removal that fails is tried again, after a wait that doubles each time. */
const PERSIST_MS = 10_000;
const FIRST_WAIT_MS = 500;

export function startRemoval({ containers, labels, clock, onWarning }: RemovalOptions): Removal {
  const discarded = new Set<Promise<void>>();
  const never = new AbortController().signal;

  async function persist(work: () => Promise<unknown>, what: string): Promise<void> {
    let isOver = false;
    const cancel = clock.after(PERSIST_MS, () => {
      isOver = true;
    });
    for (let wait = FIRST_WAIT_MS; ; wait *= 2) {
      try {
        await work();
        return cancel();
      } catch (error) {
        if (isOver) return onWarning(`${what} could not be removed: ${messageOf(error)}`);
      }
      await pause(wait, clock, never);
    }
  }

  /** False when it takes longer than we wait. */
  const inTime = async (work: Promise<unknown>) =>
    (await within(
      work.then(() => true),
      REMOVAL_WAIT_MS,
      clock,
    )) === true;

  async function remove(container: Container | Promise<Container>): Promise<void> {
    // A start that failed has told why.
    const started = await Promise.resolve(container).catch(() => undefined);
    if (started) await persist(() => started.destroy(), `container ${started.id}`);
  }

  return {
    discard(container) {
      const gone = remove(container).finally(() => discarded.delete(gone));
      discarded.add(gone);
    },
    async finish() {
      const areRemoved = await inTime(Promise.all(discarded));
      const left = () => containers.reap(labels, () => true);
      if (!(await inTime(persist(left, 'what is left of the run'))) || !areRemoved)
        onWarning('containers of this run may be left; `assay gc` removes them');
    },
  };
}
