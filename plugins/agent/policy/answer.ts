import { Fault, refusalIn } from './fault.js';
import { type Response, textOf } from './request.js';
import { eventsOf } from './sse.js';

/** What a completion holds, whole or put together from the chunks of a stream. */
export interface Answer {
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** US dollars. */
  readonly cost?: number;
  /** The echo of the prompt's ids; absent where the server sends none. */
  readonly promptIds?: readonly unknown[];
  readonly ids: readonly unknown[];
  readonly logprobs: readonly unknown[];
  /** The sampling parameters that the server says were in effect. */
  readonly sampling?: unknown;
  readonly weightVersion?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads a completion, a chat's or not, from a stream or a single body. Rejects with a `Fault`. */
export async function readAnswer({ contentType, bytes }: Response): Promise<Answer> {
  if (!contentType.includes('event-stream')) return answerOf([pieceOf(await textOf(bytes))]);
  const pieces: Fields[] = [];
  let isDone = false;
  try {
    for await (const data of eventsOf(bytes)) {
      // What follows is read, too: only a connection whose answer is at its end can serve again.
      if (data.trim() === '[DONE]') isDone = true;
      else if (!isDone) pieces.push(pieceOf(data));
    }
  } catch (error) {
    if (!isDone) throw error;
  }
  return answerOf(pieces);
}

function pieceOf(json: string): Fields {
  let piece: unknown;
  try {
    piece = JSON.parse(json);
  } catch {
    throw new Fault('passing', `the answer is no JSON: ${json}`);
  }
  if (!isFields(piece)) throw new Fault('passing', 'the answer is no object');
  if (isFields(piece['error']) || typeof piece['error'] === 'string') throw refusalIn(piece['error']);
  if (piece['object'] === 'error') throw refusalIn(piece);
  return piece;
}

function answerOf(pieces: readonly Fields[]): Answer {
  const choices = pieces.map(firstChoice).filter((choice) => choice !== undefined);
  const usage = pieces.findLast((piece) => isFields(piece['usage']))?.['usage'] as Fields | undefined;
  const finishReason = finishReasonOf(choices.findLast((choice) => choice['finish_reason'] != null));
  if (usage === undefined) throw new Fault('passing', 'the answer has no usage');
  const cost = usage['cost'];
  const promptIds = firstOf([...choices, ...pieces], 'prompt_token_ids');
  const sampling = firstOf(pieces, 'sampling_params') ?? firstOf(pieces, 'sampling');
  const weightVersion = pieces.map(weightVersionOf).findLast((version) => version !== undefined);
  return {
    text: choices.map(textIn).join(''),
    finishReason,
    promptTokens: countIn(usage, 'prompt_tokens'),
    completionTokens: countIn(usage, 'completion_tokens'),
    ...(typeof cost === 'number' && cost >= 0 ? { cost } : {}),
    ...(Array.isArray(promptIds) ? { promptIds } : {}),
    ids: choices.flatMap((choice) => arrayIn(choice, 'token_ids')),
    logprobs: choices.flatMap((choice) => arrayIn(choice['logprobs'], 'token_logprobs')),
    ...(sampling === undefined ? {} : { sampling }),
    ...(weightVersion === undefined ? {} : { weightVersion }),
  };
}

function firstChoice(piece: Fields): Fields | undefined {
  const choice = Array.isArray(piece['choices']) ? piece['choices'][0] : undefined;
  return isFields(choice) ? choice : undefined;
}

/** A chunk of a chat, a whole chat, or a completion that is no chat. */
function textIn(choice: Fields): string {
  const holder = choice['delta'] ?? choice['message'] ?? choice;
  const text = isFields(holder) ? (holder['content'] ?? holder['text'] ?? '') : undefined;
  if (typeof text !== 'string') throw new Fault('passing', 'the answer holds no text');
  return text;
}

function finishReasonOf(choice: Fields | undefined): Answer['finishReason'] {
  const reason = choice?.['finish_reason'];
  if (reason === undefined) throw new Fault('passing', 'the answer broke off before its end');
  if (reason === 'stop' || reason === 'length') return reason;
  if (reason === 'content_filter')
    throw new Fault('content', 'the service withheld the answer (content_filter)');
  throw new Fault('passing', `the answer ended with ${String(reason)}`);
}

/** SGLang puts it into `metadata`. */
function weightVersionOf(piece: Fields): string | undefined {
  const inside = piece['metadata'];
  const version = piece['weight_version'] ?? (isFields(inside) ? inside['weight_version'] : undefined);
  return typeof version === 'string' || typeof version === 'number' ? String(version) : undefined;
}

function countIn(usage: Fields, name: string): number {
  const count = usage[name];
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0) return count;
  throw new Fault('passing', `the answer's usage has no ${name}`);
}

const firstOf = (all: readonly Fields[], name: string): unknown =>
  all.find((fields) => fields[name] != null)?.[name];

function arrayIn(fields: unknown, name: string): readonly unknown[] {
  const value = isFields(fields) ? fields[name] : undefined;
  return Array.isArray(value) ? value : [];
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
