import type { Trajectory, Verdict } from '../../src/index.js';
import { outcomeOf, type Score } from './outcome.js';

/** An episode with what its tests said. */
export interface ScoredTrajectory {
  readonly trajectory: Trajectory;
  /** Absent: it was not graded. */
  readonly verdict?: Verdict;
  readonly outcome: Score;
}

/** Reads the episodes of a run from the disk, each time anew; with ids only those of these instances. */
export type Episodes = (instanceIds?: ReadonlySet<string>) => AsyncIterable<ScoredTrajectory>;

/** Puts the trajectories of a run together with its verdicts. Those that have not ended are left out. */
export async function* scoredTrajectories(
  trajectories: AsyncIterable<Trajectory>,
  verdicts: readonly Verdict[],
  by: 'strict' | 'official',
): AsyncGenerator<ScoredTrajectory> {
  const found = new Map(verdicts.map((verdict) => [`${verdict.instanceId}#${verdict.attempt}`, verdict]));
  for await (const trajectory of trajectories) {
    if (trajectory.result === undefined) continue;
    const verdict = found.get(trajectory.episode.episodeId);
    yield {
      trajectory,
      ...(verdict === undefined ? {} : { verdict }),
      outcome: outcomeOf(trajectory.result, verdict, by),
    };
  }
}
