import { type Static, type TSchema, Type } from 'typebox';
import {
  type Episode,
  EpisodeEnd,
  type EpisodeResult,
  schemaFault,
  type Trajectory,
  type Turn,
  type Usage,
} from '../../../src/index.js';
import { addLine, episodeIdOf, type GrowingEpisode, linesOf, parseLine } from '../episodes.js';

/** How another project writes a trajectory: one JSON file for each. */
export interface TrajectoryFormat {
  readonly name: string;
  /** How its files' names end. */
  readonly suffix: string;
  /** True for a value that means to be a file of this format. */
  isMeant(value: unknown): boolean;
  write(trajectory: Trajectory): object;
  /** The trajectory of a file; `instanceId` counts where the file says none. Throws a plain Error that names the field at fault. */
  read(value: unknown, instanceId: string): Trajectory;
}

/** What a file says of a trajectory; all else is filled in by {@link completed}. */
interface Draft {
  readonly episode: Partial<Episode> & Pick<Episode, 'instanceId' | 'model' | 'scaffold' | 'prompt'>;
  readonly turns: readonly DraftTurn[];
  readonly result?: DraftResult;
}

export type DraftResult = Partial<EpisodeResult> & Pick<EpisodeResult, 'end' | 'patch'>;

export type DraftTurn = Partial<Turn> & Pick<Turn, 'response' | 'command' | 'observation'>;

/** A field that may be left out or null. */
export function maybe<T extends TSchema>(schema: T) {
  return Type.Optional(Type.Union([schema, Type.Null()]));
}

/** Where a format keeps what it has no field for. */
export const Kept = maybe(Type.Object({ assay: Type.Optional(Type.Unknown()) }));

/** Text, or parts of which those that are text count. */
export const Content = maybe(
  Type.Union([Type.String(), Type.Array(Type.Object({ text: maybe(Type.String()) }))]),
);

/** The text of a message; images and other parts are left out. */
export function textOf(content: Static<typeof Content> | undefined): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text }) => text ?? '').join('');
}

/** The value as its schema says; throws a plain Error otherwise. */
export function parsed<T extends TSchema>(value: unknown, schema: T): Static<T> {
  const fault = schemaFault(value, schema);
  if (fault !== undefined) throw new Error(fault);
  return value as Static<T>;
}

type Extra = Static<typeof Kept> | undefined;

/** What a turn of ours kept, to be laid over what the file itself says; {@link completed} checks the whole. */
export function keptOfTurn(extra: Extra): Partial<Turn> {
  return extra?.assay ?? {};
}

/** The same of an episode and its result. */
export function keptOfEpisode(extra: Extra): {
  readonly episode?: Partial<Episode>;
  readonly result?: DraftResult;
} {
  return extra?.assay ?? {};
}

/** Names of endings in a format, and back. One that the format has no name for has our own. */
export function endings(names: Partial<Record<EpisodeEnd, string>>): {
  readonly nameOf: (end: EpisodeEnd) => string;
  readonly endOf: (name: string) => EpisodeEnd | undefined;
} {
  const nameOf = (end: EpisodeEnd) => names[end] ?? end;
  const ends = new Map(EpisodeEnd.anyOf.map(({ const: end }) => [nameOf(end), end]));
  return { nameOf, endOf: (name) => ends.get(name) };
}

/** Nothing is known of the sampling of strangers: what servers do when they are asked for nothing. */
const UNASKED = {
  ...{ temperature: 1, topP: 1, topK: -1, minP: 0, repetitionPenalty: 1 },
  ...{ presencePenalty: 0, frequencyPenalty: 0, maxTokens: 1 },
};

/** A whole trajectory of what a file says. Numbers that it doesn't say are 0, or the least that the record allows; texts are empty. */
export function completed({ episode, turns, result }: Draft): Trajectory {
  const { instanceId, sample = 1 } = episode;
  const whole = {
    episode: {
      ...{ schemaVersion: 1, episodeId: episodeIdOf(instanceId, sample), sample, demonstration: false },
      ...{ mode: 'chat', purpose: 'eval', rowHash: '', startedAt: '' },
      limits: {
        ...{ turns: Math.max(1, turns.length), contextTokens: 1, commandSeconds: 0, episodeSeconds: 0 },
        ...{ observationChars: 1, gradeUnsubmitted: false },
      },
      ...episode,
    } as Episode,
    turns: turns.map((turn, index) => ({
      ...{ index: index + 1, finishReason: 'stop' as const, decoding: UNASKED, confirmed: null },
      ...{ usage: { promptTokens: 0, completionTokens: 0 }, seconds: { policy: 0, command: 0 } },
      ...turn,
    })),
    result: result && {
      ...{ turns: turns.length, seconds: 0, finishedAt: '' },
      usage: total(turns),
      ...result,
    },
  };
  return checked(whole);
}

function total(turns: readonly DraftTurn[]): Usage {
  const usages = turns.flatMap(({ usage }) => usage ?? []);
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  const costs = usages.flatMap(({ cost }) => cost ?? []);
  return {
    promptTokens: sum(usages.map(({ promptTokens }) => promptTokens)),
    completionTokens: sum(usages.map(({ completionTokens }) => completionTokens)),
    ...(costs.length > 0 && { cost: sum(costs) }),
  };
}

/** As it would be read from a store. */
function checked(trajectory: Trajectory): Trajectory {
  const episodes = new Map<string, GrowingEpisode>();
  for (const line of linesOf(trajectory)) addLine(episodes, parseLine(line));
  const [whole] = episodes.values();
  if (whole === undefined) throw new Error('it holds no episode');
  return whole;
}
