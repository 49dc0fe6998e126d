import { AssayError, type Message, type TurnTokens } from '../../../src/index.js';
import type { Answer } from './answer.js';
import { Fault } from './fault.js';
import type { Conversation } from './policy.js';

/** Ids of a conversation in the model's template, with what begins the model's answer. */
export type Tokenize = (messages: readonly Message[]) => Promise<readonly number[]>;

/** All ids of the turns that are over. Throws `usage` for turns of chat mode. */
export function sequenceOf(turns: Conversation['turns']): number[] {
  return turns.flatMap(({ index, tokens }) => {
    if (tokens !== undefined) return [...tokens.contextIds, ...tokens.sampledIds];
    throw new AssayError('usage', `turn ${index} has no token ids: its episode began in chat mode`);
  });
}

/**
 * Ids that come between the last turn's and the next one's. Those of earlier turns are never made again from text. Two made-up conversations
 * that differ in what the assistant says, and then go on as the true one, share exactly what the template puts after an assistant's words.
 */
export async function contextIds({ messages, turns }: Conversation, tokenize: Tokenize): Promise<number[]> {
  const sampledIds = turns.at(-1)?.tokens?.sampledIds;
  if (sampledIds === undefined) return [...(await tokenize(messages))];
  const unseen = messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1);
  const after = (content: string) =>
    tokenize([{ role: 'user', content: 'a' }, { role: 'assistant', content }, ...unseen]);
  const [one, other] = await Promise.all([after('a'), after('b')]);
  const tail = commonTail(one, other);
  if (tail.length === one.length) drift('the chat template leaves out what an assistant says');
  // The model ends its turn itself, unless its length was over.
  return tail[0] === sampledIds.at(-1) ? tail.slice(1) : tail;
}

function commonTail(one: readonly number[], other: readonly number[]): number[] {
  let length = 0;
  while (length < Math.min(one.length, other.length) && one.at(-1 - length) === other.at(-1 - length))
    length++;
  return one.slice(one.length - length);
}

/** Largest logarithm that rounding explains. */
const ROUNDING = 1e-3;

/** The ids of an answer. Throws `token_drift` where the server took other ids than were sent or counts others than it returns, else a `Fault`. */
export function tokensOf(
  answer: Answer,
  { prompt, contextIds }: { readonly prompt: readonly number[]; readonly contextIds: number[] },
): TurnTokens {
  const { ids: sampledIds, logprobs, promptIds = prompt, promptTokens, completionTokens } = answer;
  if (sampledIds.length === 0 && completionTokens > 0)
    throw new Fault('final', 'the server returns no token ids: it has to know return_token_ids');
  if (sampledIds.length === 0) throw new Fault('passing', 'the answer has no token');
  const differs = prompt.findIndex((id, at) => id !== promptIds[at]);
  if (differs !== -1)
    drift(`id ${differs} of the prompt was sent as ${prompt[differs]} and echoed as ${promptIds[differs]}`);
  const taken = [promptIds.length, promptTokens].find((count) => count !== prompt.length);
  if (taken !== undefined) drift(`${prompt.length} ids were sent, the server took ${taken}`);
  if (completionTokens !== sampledIds.length)
    drift(`the server sampled ${completionTokens} ids and returned ${sampledIds.length}`);
  if (!sampledIds.every(isId)) throw new Fault('passing', 'the answer holds token ids that are none');
  if (logprobs.length !== sampledIds.length || !logprobs.every(isLogprob))
    throw new Fault('passing', `the answer has no log-probability for each of ${sampledIds.length} ids`);
  return { contextIds, sampledIds: [...sampledIds], logprobs: [...logprobs] };
}

const isId = (id: unknown): id is number => Number.isSafeInteger(id) && (id as number) >= 0;
const isLogprob = (value: unknown): value is number => typeof value === 'number' && value <= ROUNDING;

function drift(message: string): never {
  throw new AssayError('token_drift', message);
}
