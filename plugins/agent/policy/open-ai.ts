import { AssayError, type Clock, type Decoding, type Usage } from '../../../src/index.js';
import { type Answer, readAnswer } from './answer.js';
import { connection } from './connection.js';
import { Fault } from './fault.js';
import { bias, confirmedBy, extensionBias, requestFields, requirePlain } from './guard.js';
import { redaction } from './key.js';
import type { Conversation, Policy, Sample } from './policy.js';
import { serverSettings, serverTokenizer } from './server.js';
import { contextIds, sequenceOf, type Tokenize, tokensOf } from './tokens.js';

export interface OpenAiOptions {
  /** e.g. `http://127.0.0.1:8000/v1` */
  readonly baseUrl: string;
  readonly model: string;
  readonly key?: string;
  readonly mode: 'chat' | 'token';
  /** For `training`, samples are refused unless the server confirms plain sampling. */
  readonly purpose: 'eval' | 'training';
  readonly decoding: Decoding;
  /** Longest prompt plus answer: an answer gets what is left of it, up to `maxTokens`. */
  readonly contextTokens?: number;
  /** US dollars per million tokens; absent: what the service says, if anything. */
  readonly prices?: { readonly prompt: number; readonly completion: number };
  /** Arguments of the chat template, e.g. `{ enable_thinking: false }`. */
  readonly templateArgs?: Readonly<Record<string, unknown>>;
  /** Leaves out top_k, min_p and repetition_penalty, which OpenAI's own service refuses and has no defaults for. */
  readonly standardOnly?: boolean;
  /** Default true: a silent server is found out sooner. SGLang says its weight version only without. */
  readonly stream?: boolean;
  /** Longest silence of the server in seconds. Default 240; Node's `fetch` itself ends one of 300 s. */
  readonly stallSeconds?: number;
  /** Further tries of a request. Default 8. */
  readonly retries?: number;
  /** No try begins later than this after the first one. Default 900. */
  readonly retrySeconds?: number;
  readonly onRetry?: (words: string) => void;
  readonly clock: Clock;
  /** In [0, 1), for the waits between tries. */
  readonly random: () => number;
}

/** The model behind an OpenAI-compatible endpoint. Throws `usage` for options that contradict each other. */
export function openAiPolicy(options: OpenAiOptions): Policy {
  check(options);
  const { mode, purpose, model, clock, templateArgs } = options;
  const { stallSeconds = 240, retries = 8, retrySeconds = 900 } = options;
  const base = options.baseUrl.replace(/\/+$/, '');
  const redact = redaction(options.key);
  const ask = connection({ ...options, stallSeconds, retries, retrySeconds, redaction: redact });
  const server = { ask, base, model, ...(templateArgs === undefined ? {} : { templateArgs }) };
  const tokenize = serverTokenizer(server);
  const settings = serverSettings(server, clock);

  async function sample(conversation: Conversation, signal: AbortSignal): Promise<Sample | 'context_limit'> {
    const doubt = purpose === 'training' ? await settings(signal) : 'it was not asked to';
    const prompt = await promptFor(mode, conversation, (messages) => tokenize(messages, signal));
    const decoding = ofSample(withinContext(prompt.length, options), conversation);
    if (decoding.maxTokens < 1) return 'context_limit';
    const { answer, tokens } = await ask({
      url: `${base}/${mode === 'token' ? 'completions' : 'chat/completions'}`,
      body: { ...prompt.fields, ...commonFields(decoding, options) },
      signal,
      async read(response) {
        const answer = await readAnswer(response);
        return { answer, tokens: prompt.tokens && tokensOf(answer, prompt.tokens) };
      },
    });
    const confirmed = confirmedBy(answer.sampling, decoding) ?? (doubt === undefined ? decoding : null);
    if (purpose === 'training') requirePlain(confirmed, doubt);
    return {
      text: redact.text(answer.text),
      finishReason: answer.finishReason,
      usage: usageOf(answer, options.prices),
      decoding,
      confirmed,
      ...(answer.weightVersion === undefined ? {} : { weightVersion: redact.text(answer.weightVersion) }),
      ...(tokens === undefined ? {} : { tokens }),
    };
  }

  return {
    mode,
    sample: (conversation, signal) =>
      sample(conversation, signal).catch((error: unknown) => {
        if (error instanceof Fault && error.kind === 'context') return 'context_limit';
        // Of a conversation that has just begun, it is the settings that all have in common.
        if (
          error instanceof AssayError &&
          error.code === 'conversation_refused' &&
          !conversation.turns.length
        )
          throw new AssayError('policy_refused', error.message, { cause: error });
        throw error;
      }),
  };
}

function check({ baseUrl, key, mode, purpose, decoding, standardOnly = false }: OpenAiOptions): void {
  const refuse = (message: string): never => {
    throw new AssayError('usage', message);
  };
  // The values aren't shown: each may hold a key.
  if (!URL.canParse(baseUrl) || !/^https?:/.test(baseUrl))
    refuse('the base URL of the model is no http URL such as http://127.0.0.1:8000/v1');
  const { username, password, search, hash } = new URL(baseUrl);
  if (`${username}${password}${search}${hash}` !== '')
    refuse('the base URL of the model holds more than host and path; a key has an option of its own');
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key))
    refuse('the key of the model is empty, or holds a space or another character that no header can have');
  if (purpose === 'training' && bias(decoding) !== undefined)
    refuse(`training needs temperature 1 and every other control off, but ${bias(decoding)}`);
  if (standardOnly && (purpose === 'training' || mode === 'token'))
    refuse('training and token mode need a server that takes every control');
  if (standardOnly && extensionBias(decoding) !== undefined)
    refuse(`a service that takes standard parameters only has no such control: ${extensionBias(decoding)}`);
}

interface Prompt {
  /** Tokens; in chat mode those that are known of, from the usage of the last turn. */
  readonly length: number;
  readonly fields: object;
  readonly tokens?: { readonly prompt: readonly number[]; readonly contextIds: number[] };
}

async function promptFor(
  mode: Policy['mode'],
  conversation: Conversation,
  tokenize: Tokenize,
): Promise<Prompt> {
  const { messages, turns } = conversation;
  if (mode === 'chat') {
    const { promptTokens = 0, completionTokens = 0 } = turns.at(-1)?.usage ?? {};
    return { length: promptTokens + completionTokens, fields: { messages } };
  }
  const earlier = sequenceOf(turns);
  const added = await contextIds(conversation, tokenize);
  const prompt = [...earlier, ...added];
  return {
    length: prompt.length,
    fields: { prompt, return_token_ids: true, logprobs: 1 },
    tokens: { prompt, contextIds: added },
  };
}

/** The decoding with an answer that the context has room for. */
function withinContext(length: number, { decoding, contextTokens }: OpenAiOptions): Decoding {
  if (contextTokens === undefined) return decoding;
  return { ...decoding, maxTokens: Math.min(decoding.maxTokens, contextTokens - length) };
}

/** With one seed for all, the samples of an instance would all be the same. */
function ofSample(decoding: Decoding, { sample = 1 }: Conversation): Decoding {
  return decoding.seed === undefined ? decoding : { ...decoding, seed: decoding.seed + sample - 1 };
}

function commonFields(decoding: Decoding, options: OpenAiOptions): object {
  const { model, mode, templateArgs, standardOnly, stream = true } = options;
  return {
    model,
    ...requestFields(decoding, standardOnly),
    ...(mode === 'token' || templateArgs === undefined ? {} : { chat_template_kwargs: templateArgs }),
    ...(stream ? { stream, stream_options: { include_usage: true } } : { stream }),
  };
}

function usageOf({ promptTokens, completionTokens, cost }: Answer, prices: OpenAiOptions['prices']): Usage {
  const priced =
    prices === undefined ? cost : (promptTokens * prices.prompt + completionTokens * prices.completion) / 1e6;
  return { promptTokens, completionTokens, ...(priced === undefined ? {} : { cost: priced }) };
}
