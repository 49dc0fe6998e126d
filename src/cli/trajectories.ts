import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AssayError } from '../errors.js';

/** Where a run folder keeps its trajectories. */
export const trajectoriesOf = (folder: string): string => join(folder, 'trajectories');

/** The same of a run as it was named. */
export function trajectoriesFolder(run: string, cwd: string): string {
  return trajectoriesOf(resolve(cwd, run));
}

/** The same folder of a run that has one; `run_not_found` otherwise. */
export function presentTrajectories(run: string, cwd: string): string {
  const folder = trajectoriesFolder(run, cwd);
  if (!existsSync(folder)) throw new AssayError('run_not_found', `${run} has no trajectories`);
  return folder;
}

/** The id of an episode as it is given: without `#SAMPLE`, the first. */
export function wantedEpisode(given: string): string {
  return given.includes('#') ? given : `${given}#1`;
}
