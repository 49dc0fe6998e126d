import { AssayError, type Message, type Trajectory, type Turn } from '../../src/index.js';
import type { Sequence } from './trainer.js';

/** Which turns have a loss: one answer for each turn, or what says it of a turn. */
export type TurnMask = readonly boolean[] | ((turn: Turn) => boolean);

/** All of them, as RL does. */
export const allTurns: TurnMask = () => true;

/** Those from which a command could be taken: the others stay in the context, and nobody learns to write them (arXiv 2508.03501, rejection fine-tuning). */
export const wellFormedTurns: TurnMask = ({ formatError }) => formatError === undefined;

/** Ids of a conversation in the model's template; with `addGenerationPrompt`, also what begins the model's answer. */
export type Tokenize = (
  messages: readonly Message[],
  addGenerationPrompt: boolean,
) => readonly number[] | Promise<readonly number[]>;

/**
 * An episode as a sequence, with the ids as they were sampled: weight 1 on what the policy sampled in the turns of the mask, 0 elsewhere.
 * Throws `usage` for an episode without token ids (chat mode), without turns, or with a mask of another length.
 */
export function sequenceOf(trajectory: Trajectory, mask: TurnMask): Sequence {
  return joined(trajectory, mask, {});
}

/**
 * The same as if the episode had begun with another prompt, e.g. without the demonstration. What was sampled, and what came between, stays as it is;
 * there are no rollout log-probabilities, as the policy saw something else. Rejects as {@link sequenceOf} throws.
 */
export async function sequenceWithPrompt(
  trajectory: Trajectory,
  mask: TurnMask,
  { prompt, tokenize }: { readonly prompt: readonly Message[]; readonly tokenize: Tokenize },
): Promise<Sequence> {
  return joined(trajectory, mask, { promptIds: await tokenize(prompt, true) });
}

function joined(
  { episode, turns }: Trajectory,
  mask: TurnMask,
  { promptIds }: { readonly promptIds?: readonly number[] },
): Sequence {
  const refusal = (why: string) =>
    new AssayError('usage', `episode ${episode.episodeId} can't be trained on: ${why}`);
  if (turns.length === 0) throw refusal('it has no turn');
  if (typeof mask !== 'function' && mask.length !== turns.length)
    throw refusal(`its mask is of ${mask.length} turns, it has ${turns.length}`);
  const isLearnt = (turn: Turn, at: number) =>
    typeof mask === 'function' ? mask(turn) : (mask[at] ?? false);
  const tokens: number[] = [];
  const weights: number[] = [];
  const rolloutLogprobs: number[] = [];
  turns.forEach((turn, at) => {
    if (turn.tokens === undefined)
      throw refusal(`turn ${turn.index} has no token ids, as it was sampled in chat mode`);
    const { sampledIds, logprobs } = turn.tokens;
    if (logprobs.length !== sampledIds.length)
      throw refusal(
        `turn ${turn.index} has ${logprobs.length} log-probabilities for ${sampledIds.length} tokens`,
      );
    const contextIds = at === 0 ? (promptIds ?? turn.tokens.contextIds) : turn.tokens.contextIds;
    if (at === 0 && contextIds.length === 0) throw refusal('nothing comes before its first turn');
    const weight = isLearnt(turn, at) ? 1 : 0;
    // Not by spreading into `push`: contexts can be longer than a call may have arguments.
    for (const id of contextIds) {
      tokens.push(id);
      weights.push(0);
      rolloutLogprobs.push(Number.NaN);
    }
    sampledIds.forEach((id, i) => {
      tokens.push(id);
      weights.push(weight);
      rolloutLogprobs.push(logprobs[i] ?? Number.NaN);
    });
  });
  return { tokens, weights, ...(promptIds === undefined ? { rolloutLogprobs } : {}) };
}
