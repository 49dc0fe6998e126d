import type { Clock, Episode, EpisodeEnd, EpisodeLimits, Message, Turn, Usage } from '../../src/index.js';
import type { Conversation, Policy, Sample } from './policy/policy.js';
import type { Scaffold, Step } from './scaffold/index.js';
import { type Session, SessionBroken } from './session.js';

/** What an episode needs from outside. */
export interface EpisodeWorld {
  readonly policy: Policy;
  readonly scaffold: Scaffold;
  readonly session: Session;
  readonly clock: Clock;
  /** Waits for the turn of this call among those of all episodes. */
  readonly callModel: <T>(work: () => Promise<T>) => Promise<T>;
  /** Keeps a turn; the next one begins when it is kept. */
  readonly record: (turn: Turn) => Promise<void>;
  /** Told of a recorded turn whose command, done once more, was answered in another way. */
  readonly onDrift: (turn: Turn, observation: string) => void;
  readonly signal: AbortSignal;
}

export interface Played {
  readonly turns: readonly Turn[];
  readonly end: Exclude<EpisodeEnd, 'policy_error' | 'sandbox_error' | 'stopped_early'>;
}

/** Whose fault ended an episode that has no score. */
export class EpisodeFault extends Error {
  override readonly name = 'EpisodeFault';
  constructor(
    readonly end: 'policy_error' | 'sandbox_error',
    override readonly cause: unknown,
  ) {
    super(end);
  }
}

/**
 * Plays an episode to its end: the policy sees all that was said, its command changes the sandbox, the observation comes back. `recorded` turns are not asked for again:
 * their commands are done once more in the new sandbox, and what they were answered stands. Rejects with {@link EpisodeFault}, and with the signal's reason.
 */
export async function playEpisode(
  episode: Pick<Episode, 'prompt' | 'limits' | 'sample'>,
  recorded: readonly Turn[],
  world: EpisodeWorld,
): Promise<Played> {
  const { limits } = episode;
  const turns: Turn[] = [];
  const actor = startActor(limits, world);
  /** Undefined: there is no sandbox to act in any more. */
  const act = (...response: Parameters<Actor>) =>
    faultOf('sandbox_error', world.signal, () =>
      actor(...response).catch((error: unknown) => {
        if (error instanceof SessionBroken) return undefined;
        throw error;
      }),
    );
  for (const turn of recorded) {
    const step = await act(turn.response);
    if (step === undefined) return { turns, end: 'sandbox_broken' };
    if (step.observation !== turn.observation) world.onDrift(turn, step.observation);
    turns.push(turn);
    if (step.submit === true) return { turns, end: 'submitted' };
    if (step.result?.isBroken === true) return { turns, end: 'sandbox_broken' };
  }
  for (;;) {
    const left =
      limits.episodeSeconds - turns.reduce((sum, { seconds }) => sum + seconds.policy + seconds.command, 0);
    const { promptTokens = 0, completionTokens = 0 } = turns.at(-1)?.usage ?? {};
    if (promptTokens + completionTokens >= limits.contextTokens) return { turns, end: 'context_limit' };
    if (turns.length >= limits.turns) return { turns, end: 'turn_limit' };
    if (left <= 0) return { turns, end: 'episode_timeout' };
    const conversation = { messages: messagesOf(episode.prompt, turns), turns, sample: episode.sample };
    const sampled = await sample(conversation, left, world);
    if (typeof sampled === 'string') return { turns, end: sampled };
    const from = world.clock.now();
    const step = await act(
      sampled.text,
      Math.min(limits.commandSeconds, Math.max(left - sampled.seconds, 1)),
    );
    if (step === undefined) return { turns, end: 'sandbox_broken' };
    const { text, seconds, ...answer } = sampled;
    const turn: Turn = {
      index: turns.length + 1,
      response: text,
      command: step.command,
      ...(step.formatError === undefined ? {} : { formatError: step.formatError }),
      observation: step.observation,
      ...resultOf(step),
      ...answer,
      seconds: { policy: seconds, command: (world.clock.now() - from) / 1000 },
    };
    await world.record(turn);
    turns.push(turn);
    if (step.submit === true) return { turns, end: 'submitted' };
    if (step.result?.isBroken === true) return { turns, end: 'sandbox_broken' };
  }
}

/** Does what a response says, and gives what came of it. `seconds` bounds a command, in place of the episode's limit. */
export type Actor = (response: string, seconds?: number) => Promise<Step>;

/** Acts in a session that has just been opened, as an episode does. */
export function startActor(
  limits: Pick<EpisodeLimits, 'commandSeconds' | 'observationChars'>,
  { scaffold, session, signal }: Pick<EpisodeWorld, 'scaffold' | 'session' | 'signal'>,
): Actor {
  let state = scaffold.start();
  return async (response, seconds = limits.commandSeconds) => {
    const bounds = { seconds, outputChars: limits.observationChars };
    const { step, state: next } = await scaffold.step(response, { state, session, limits: bounds, signal });
    state = next;
    return step;
  };
}

/** All that was said, as the policy sees it. */
export function messagesOf(prompt: readonly Message[], turns: readonly Turn[]): readonly Message[] {
  return [
    ...prompt,
    ...turns.flatMap(({ response, observation }) => [
      { role: 'assistant' as const, content: response },
      { role: 'user' as const, content: observation },
    ]),
  ];
}

/** Tokens and cost of all turns. */
export function totalUsage(turns: readonly Pick<Turn, 'usage'>[]): Usage {
  const costs = turns.flatMap(({ usage: { cost } }) => (cost === undefined ? [] : [cost]));
  return {
    promptTokens: turns.reduce((sum, { usage }) => sum + usage.promptTokens, 0),
    completionTokens: turns.reduce((sum, { usage }) => sum + usage.completionTokens, 0),
    ...(costs.length === 0 ? {} : { cost: costs.reduce((sum, cost) => sum + cost, 0) }),
  };
}

type Sampled = Sample & { readonly seconds: number };

/** The next turn's text, or how the episode ends instead. Time spent waiting for a turn in the queue is nobody's. */
function sample(
  conversation: Conversation,
  left: number,
  { policy, clock, callModel, signal }: EpisodeWorld,
): Promise<Sampled | 'context_limit' | 'episode_timeout'> {
  return faultOf('policy_error', signal, () =>
    callModel(async () => {
      const late = new AbortController();
      const cancel = clock.after(left * 1000, () => late.abort());
      const from = clock.now();
      try {
        const answer = await policy.sample(conversation, AbortSignal.any([signal, late.signal]));
        if (answer === 'context_limit') return answer;
        return { ...answer, seconds: (clock.now() - from) / 1000 };
      } catch (error) {
        if (late.signal.aborted) return 'episode_timeout';
        throw error;
      } finally {
        cancel();
      }
    }),
  );
}

function resultOf({ result, truncatedChars }: Step): Pick<Turn, 'exitCode' | 'isTimeout' | 'truncatedChars'> {
  return {
    ...(result === undefined ? {} : { exitCode: result.exitCode }),
    ...(result?.isTimeout === true ? { isTimeout: true } : {}),
    ...(truncatedChars === undefined ? {} : { truncatedChars }),
  };
}

/** What `work` gives; what it throws says whose fault it is, unless the episode was stopped. */
async function faultOf<T>(end: EpisodeFault['end'], signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw new EpisodeFault(end, error);
  }
}
