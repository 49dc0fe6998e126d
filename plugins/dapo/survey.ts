import type { EpisodeEnd } from '../../src/index.js';
import type { ScoredTrajectory } from '../trainer/scored.js';
import type { Attempt, Group } from './group.js';
import { hasLoop } from './loops.js';

/** What an iteration needs to know of an episode beside its tokens, which stay on the disk. */
export interface EpisodeFacts extends Attempt {
  readonly instanceId: string;
  /** Tokens that the policy sampled. */
  readonly actionTokens: number;
  readonly formatErrors: number;
  readonly commands: readonly string[];
  readonly hasLoop: boolean;
  /** Of the weights that it was sampled from. */
  readonly weightVersions: readonly string[];
}

/** Reads the episodes of an iteration once. */
export async function survey(scored: AsyncIterable<ScoredTrajectory>): Promise<readonly EpisodeFacts[]> {
  const facts: EpisodeFacts[] = [];
  for await (const { trajectory, outcome } of scored) {
    const { episode, turns, result } = trajectory;
    facts.push({
      episodeId: episode.episodeId,
      instanceId: episode.instanceId,
      outcome,
      turns: turns.length,
      end: result?.end as EpisodeEnd,
      actionTokens: turns.reduce((sum, { tokens }) => sum + (tokens?.sampledIds.length ?? 0), 0),
      formatErrors: turns.filter(({ formatError }) => formatError !== undefined).length,
      commands: turns.flatMap(({ command }) => (command === null ? [] : [command])),
      hasLoop: hasLoop(turns),
      weightVersions: [...new Set(turns.flatMap(({ weightVersion }) => weightVersion ?? []))],
    });
  }
  return facts;
}

/** The episodes of each problem, in the order of the problems; those that were not played are missing. */
export function groupsOf(problems: readonly string[], facts: readonly EpisodeFacts[]): readonly Group[] {
  const byProblem = new Map(problems.map((id): [string, EpisodeFacts[]] => [id, []]));
  for (const one of facts) byProblem.get(one.instanceId)?.push(one);
  return [...byProblem].map(([instanceId, attempts]) => ({ instanceId, attempts }));
}
