import { AssayError, messageOf, type Trajectory } from '../../../src/index.js';
import { atif } from './atif.js';
import type { TrajectoryFormat } from './format.js';
import { miniSweAgent } from './mini-swe-agent.js';
import { sweAgent } from './swe-agent.js';

export type { TrajectoryFormat } from './format.js';

/** In the order in which a file is tried. */
export const trajectoryFormats: readonly TrajectoryFormat[] = [atif, sweAgent, miniSweAgent];

/**
 * The trajectory that a file of any known format holds; `instanceId` counts where the file says none. `bad_trajectory` says what is wrong,
 * and `where`.
 */
export function importTrajectory(value: unknown, instanceId: string, where: string): Trajectory {
  const format = trajectoryFormats.find(({ isMeant }) => isMeant(value));
  if (format === undefined)
    throw new AssayError(
      'bad_trajectory',
      `${where} is no trajectory: it has neither messages nor a trajectory nor a schema_version`,
    );
  try {
    return format.read(value, instanceId);
  } catch (cause) {
    throw new AssayError(
      'bad_trajectory',
      `${where} is no trajectory of ${format.name}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
