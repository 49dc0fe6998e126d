import {
  type Episode,
  type EpisodeResult,
  schemaFault,
  type Trajectory,
  TrajectoryLine,
  type Turn,
} from '../../src/index.js';

/** An episode that grows by its lines. */
export interface GrowingEpisode {
  readonly episode: Episode;
  readonly turns: Turn[];
  result?: EpisodeResult;
}

/** Those that a dataset may have: fit for the name of a file. */
const INSTANCE_ID = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

const SCHEMAS = new Map<unknown, (typeof TrajectoryLine.anyOf)[number]>(
  TrajectoryLine.anyOf.map((schema) => [schema.properties.type.const, schema]),
);

/** Ends that are not the model's fault: the episode can be gone on with. */
export function isFault({ end }: Pick<EpisodeResult, 'end'>): boolean {
  return end === 'policy_error' || end === 'sandbox_error';
}

/** Names the episode of an instance's sample, which counts from 1. */
export function episodeIdOf(instanceId: string, sample: number): string {
  return `${instanceId}#${sample}`;
}

/** Why a text can't be an instance id; undefined when it can. */
function instanceIdFault(id: string): string | undefined {
  return INSTANCE_ID.test(id)
    ? undefined
    : `${JSON.stringify(id.slice(0, 80))} is no instance id: expected at most 200 letters, digits, ".", "_" and "-", without ".."`;
}

/** A value that is a line of a trajectory by its own fields; throws a plain Error that says why it isn't. */
export function parseLine(value: unknown): TrajectoryLine {
  const schema = SCHEMAS.get((value as { readonly type?: unknown } | null)?.type);
  if (schema === undefined) throw new Error('it is neither an episode nor a turn nor a result');
  const fault = schemaFault(value, schema);
  if (fault !== undefined) throw new Error(fault);
  const line = value as TrajectoryLine;
  if (line.type !== 'episode') return line;
  const { episodeId, instanceId, sample } = line;
  const idFault = instanceIdFault(instanceId);
  if (idFault !== undefined) throw new Error(idFault);
  if (episodeId !== episodeIdOf(instanceId, sample))
    throw new Error(`field "episodeId" must be ${episodeIdOf(instanceId, sample)}, got ${episodeId}`);
  return line;
}

/**
 * Adds a line to its episode, and returns that. An `episode` line begins one, or begins it anew: what came before is void. Throws a
 * plain Error for a line out of order.
 */
export function addLine(episodes: Map<string, GrowingEpisode>, line: TrajectoryLine): GrowingEpisode {
  const { episodeId } = line;
  if (line.type === 'episode') {
    const { type: _, ...episode } = line;
    const begun = { episode, turns: [] };
    episodes.set(episodeId, begun);
    return begun;
  }
  const found = episodes.get(episodeId);
  // What failed for the machine's fault may have been gone on with.
  if (found === undefined || (found.result !== undefined && !isFault(found.result)))
    throw new Error(`episode ${episodeId} is not under way`);
  delete found.result;
  if (line.type === 'turn') {
    const { type: _, episodeId: __, ...turn } = line;
    const next = found.turns.length + 1;
    if (turn.index !== next) throw new Error(`expected turn ${next} of ${episodeId}, got turn ${turn.index}`);
    found.turns.push(turn);
  } else {
    const { type: _, episodeId: __, ...result } = line;
    found.result = result;
  }
  return found;
}

/** The lines that a trajectory is written as. */
export function linesOf({ episode, turns, result }: Trajectory): readonly TrajectoryLine[] {
  const { episodeId } = episode;
  return [
    { type: 'episode', ...episode },
    ...turns.map((turn) => ({ type: 'turn' as const, episodeId, ...turn })),
    ...(result === undefined ? [] : [{ type: 'result' as const, episodeId, ...result }]),
  ];
}
