import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError } from '../../src/index.js';
import type { LoadOptions, Trainer } from './trainer.js';

/** What a training needs of a trainer from its start to its end. */
export interface Lifetime {
  /** Holds `checkpoints/`. */
  readonly folder: string;
  /** Starts a trainer; called again where one has died. */
  readonly openTrainer: () => Promise<Trainer>;
  readonly load: Omit<LoadOptions, 'resume'>;
  readonly onWarning: (message: string) => void;
  /** Aborted: no further iteration or step begins. */
  readonly signal: AbortSignal;
}

/** Tries from one checkpoint. */
const TRIES = 3;

/** The weights after so many steps or iterations. */
export const checkpointOf = (folder: string, count: number): string =>
  join(folder, 'checkpoints', String(count).padStart(4, '0'));

/** Removes the checkpoint that is one too many now that there is one of `count`. */
export async function dropOldCheckpoint(
  folder: string,
  count: number,
  {
    checkpointEvery,
    keepCheckpoints,
  }: { readonly checkpointEvery: number; readonly keepCheckpoints: number },
): Promise<void> {
  const old = count - keepCheckpoints * checkpointEvery;
  if (old > 0) await rm(checkpointOf(folder, old), { recursive: true, force: true });
}

/** Does the work with a trainer that has loaded the last checkpoint (`saved`; 0: the model itself); where the trainer dies, again from the then last one, up to {@link TRIES} times from each. */
export async function withTrainer<T>(
  { folder, openTrainer, load, onWarning, signal }: Lifetime,
  saved: () => number,
  work: (trainer: Trainer, from: number) => Promise<T>,
): Promise<T> {
  for (let tries = 1, before = saved(); ; tries++) {
    signal.throwIfAborted();
    let trainer: Trainer | undefined;
    const from = saved();
    if (from > before) tries = 1;
    before = from;
    try {
      trainer = await openTrainer();
      await trainer.load({ ...load, ...(from === 0 ? {} : { resume: checkpointOf(folder, from) }) });
      return await work(trainer, from);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AssayError && error.code === 'trainer_failed') || tries >= TRIES) throw error;
      onWarning(`${error.message}; starting it again`);
    } finally {
      await trainer?.stop().catch(() => undefined);
    }
  }
}

/** Throws `too_many_failures` where a larger share than `most` of the episodes has no score. */
export function assertScorable(episodes: number, unscorable: number, most: number): void {
  if (episodes === 0 || unscorable / episodes > most)
    throw new AssayError(
      'too_many_failures',
      `${unscorable} of ${episodes} episodes have no score for the machine's fault; a run goes on with at most ${most * 100} %`,
    );
}
