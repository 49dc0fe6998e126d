import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Message, sha256 } from '../../src/index.js';
import { decoded, END, messagesOf, spelled, templated } from './toy-tokenizer.js';

/** What a scripted model is asked. */
export interface Asked {
  readonly messages: readonly Message[];
  /** From 1: which answer of this conversation is asked for. */
  readonly turn: number;
  /** From 1: how often this very prompt has been sent. */
  readonly attempt: number;
  readonly mode: 'chat' | 'token';
  readonly body: Json;
}

export type Json = Readonly<Record<string, unknown>>;

/** An answer that goes well: the text, or more of it. */
export interface Answer {
  readonly text: string;
  /** Default: `stop`, or `length` where the text is longer than `max_tokens`. */
  readonly finishReason?: string;
  /** Changes what is sent, each chunk of a stream or the whole body: wrong echoes, missing fields. */
  readonly edit?: (sent: Record<string, unknown>) => unknown;
}

/** What can go wrong. */
export type Fault =
  | {
      readonly fault: 'status';
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** These bytes with status 200. */
  | {
      readonly fault: 'raw';
      readonly body: string | Uint8Array;
      readonly contentType?: string;
      readonly staysOpen?: boolean;
    }
  /** The connection breaks before an answer. */
  | { readonly fault: 'reset' }
  /** No byte of an answer ever comes. */
  | { readonly fault: 'silent' }
  /** After this text of a stream the connection breaks, the stream ends as if it were whole, or nothing more comes. */
  | { readonly fault: 'cut' | 'end' | 'stall'; readonly text: string };

export type Reply = string | Answer | Fault;

export interface PolicyServerOptions {
  readonly reply: (asked: Asked) => Reply | Promise<Reply>;
  /** Name of the one model. Default `toy`. */
  readonly model?: string;
  /** Requests without it are refused, with their key in the words, as some services do. */
  readonly key?: string;
  /** Longest prompt plus answer in tokens. */
  readonly contextTokens?: number;
  /** Answers say which sampling parameters were in effect: those of the request, changed by this. */
  readonly sampling?: (body: Json) => Json;
  /** What `/server_info` says; absent: it isn't there. */
  readonly info?: () => Json;
  readonly weightVersion?: () => string;
  /** Where `/tokenize` is. Default `/tokenize`. */
  readonly tokenizePath?: string;
  readonly onRequest?: (request: { readonly path: string; readonly body: Json }) => void;
}

export interface PolicyServer {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  close(): Promise<void>;
}

/** The log-probability that the server gives to an id. */
export const toyLogprob = (id: number): number => -(1 + (id % 7)) / 8;

/** Characters in a chunk of a stream. */
const CHUNK = 16;

/** A server that speaks the OpenAI protocol as vLLM does, with a scripted model and a toy tokenizer. */
export async function startPolicyServer(options: PolicyServerOptions): Promise<PolicyServer> {
  const attempts = new Map<string, number>();
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => sendJson(response, 500, failure(String(error))));
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').replace(/\?.*$/, '');
    const body = await jsonOf(request);
    options.onRequest?.({ path, body });
    const shown = request.headers.authorization ?? '';
    if (options.key !== undefined && shown !== `Bearer ${options.key}`)
      return sendJson(response, 401, failure(`Incorrect API key provided: ${shown}`));
    if (path === '/server_info' && options.info !== undefined) return sendJson(response, 200, options.info());
    if (path === '/v1/models') return sendJson(response, 200, { data: [{ id: options.model ?? 'toy' }] });
    if (path === (options.tokenizePath ?? '/tokenize')) return tokenize(body, response);
    if (path === '/v1/chat/completions' || path === '/v1/completions')
      return complete(path === '/v1/completions' ? 'token' : 'chat', body, response);
    sendJson(response, 404, failure(`no ${path} here`));
  }

  async function complete(mode: Asked['mode'], body: Json, response: ServerResponse): Promise<void> {
    if (body['model'] !== (options.model ?? 'toy'))
      return sendJson(response, 404, failure(`The model \`${body['model']}\` does not exist.`));
    const prompt =
      mode === 'token' ? (body['prompt'] as number[]) : templated(body['messages'] as Message[], true);
    const messages = mode === 'token' ? messagesOf(prompt) : (body['messages'] as Message[]);
    const asked = prompt.length + Number(body['max_tokens'] ?? body['max_completion_tokens']);
    if (options.contextTokens !== undefined && asked > options.contextTokens)
      return sendJson(
        response,
        400,
        failure(
          `This model's maximum context length is ${options.contextTokens} tokens. However, you requested ${asked} tokens. Please reduce the length of the input messages.`,
        ),
      );
    const identity = sha256(JSON.stringify(prompt));
    const attempt = (attempts.get(identity) ?? 0) + 1;
    attempts.set(identity, attempt);
    const turn = messages.filter(({ role }) => role === 'assistant').length + 1;
    const reply = await options.reply({ messages, turn, attempt, mode, body });
    if (response.destroyed) return;
    const whole = typeof reply === 'string' ? { text: reply } : reply;
    if ('fault' in whole && fail(whole, response)) return;
    const answer = answerOf(whole as Answer, { mode, body, prompt, options });
    const isFault = 'fault' in whole;
    const isStream = body['stream'] === true;
    response.writeHead(200, { 'content-type': isStream ? 'text/event-stream' : 'application/json' });
    if (isStream)
      for (const chunk of answer.chunks(isFault))
        response.write(`data: ${JSON.stringify(edited(whole, chunk))}\n\n`);
    else response.write(JSON.stringify(edited(whole, answer.whole)).slice(0, isFault ? 80 : undefined));
    if (!isFault) response.end(isStream ? 'data: [DONE]\n\n' : '');
    // The chunks are to arrive before the connection breaks.
    else if (whole.fault === 'cut') setTimeout(() => response.destroy(), 20);
    else if (whole.fault === 'end') response.end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Whether the fault is the whole answer. */
function fail(fault: Fault, response: ServerResponse): boolean {
  if (fault.fault === 'status')
    sendJson(response, fault.status, failure(fault.message ?? 'as scripted'), fault.headers);
  else if (fault.fault === 'raw') {
    response.writeHead(200, { 'content-type': fault.contentType ?? 'text/event-stream' });
    response.write(fault.body);
    if (fault.staysOpen !== true) response.end();
  } else if (fault.fault === 'reset') response.destroy();
  else if (fault.fault !== 'silent') return false;
  return true;
}

interface Scene {
  readonly mode: Asked['mode'];
  readonly body: Json;
  readonly prompt: readonly number[];
  readonly options: PolicyServerOptions;
}

/** An answer in the shapes of the protocol: as one body, and as the chunks of a stream, of which an unfinished one lacks the end. */
function answerOf({ text, finishReason }: Answer, { mode, body, prompt, options }: Scene) {
  const limit = Number(body['max_tokens'] ?? body['max_completion_tokens']);
  const all = [...spelled(text), END];
  const ids = all.slice(0, limit);
  const finish = finishReason ?? (ids.length < all.length ? 'length' : 'stop');
  // As real servers, it says no part of a character.
  const said = ids.length < all.length ? decoded(ids).replace(/\ufffd+$/, '') : text;
  const usage = {
    prompt_tokens: prompt.length,
    completion_tokens: ids.length,
    total_tokens: prompt.length + ids.length,
  };
  const { prompt: _, messages: __, ...controls } = body;
  const extra = {
    id: 'answer-1',
    model: body['model'],
    ...(options.sampling === undefined
      ? {}
      : { sampling_params: { ...controls, ...options.sampling(body) } }),
    ...(options.weightVersion === undefined ? {} : { metadata: { weight_version: options.weightVersion() } }),
  };
  const withIds = mode === 'token' && body['return_token_ids'] === true;
  const choice = (
    part: string,
    partIds: readonly number[],
    options: { finish?: string; isFirst?: boolean },
  ) => ({
    index: 0,
    finish_reason: options.finish ?? null,
    ...(mode === 'token' ? { text: part } : {}),
    ...(withIds ? { token_ids: partIds, logprobs: { token_logprobs: partIds.map(toyLogprob) } } : {}),
    ...(withIds && options.isFirst === true ? { prompt_token_ids: prompt } : {}),
  });
  const message = (content: string) => (mode === 'chat' ? { message: { role: 'assistant', content } } : {});
  const delta = (content: string) => (mode === 'chat' ? { delta: { role: 'assistant', content } } : {});
  return {
    whole: {
      ...extra,
      choices: [{ ...choice(said, ids, { finish, isFirst: true }), ...message(said) }],
      usage,
    },
    *chunks(isUnfinished: boolean) {
      const letters = [...said];
      for (let at = 0; at < letters.length; at += CHUNK) {
        const part = letters.slice(at, at + CHUNK).join('');
        yield {
          ...extra,
          choices: [{ ...choice(part, spelled(part), { isFirst: at === 0 }), ...delta(part) }],
        };
      }
      if (isUnfinished) return;
      const rest = ids.slice(spelled(said).length);
      yield {
        ...extra,
        choices: [{ ...choice('', rest, { finish, isFirst: letters.length === 0 }), ...delta('') }],
      };
      yield { ...extra, choices: [], usage };
    },
  };
}

function edited(reply: Answer | Fault, sent: Record<string, unknown>): unknown {
  return 'edit' in reply && reply.edit !== undefined ? reply.edit(sent) : sent;
}

function tokenize(body: Json, response: ServerResponse): void {
  const messages = body['messages'] as Message[] | undefined;
  if (messages === undefined) sendJson(response, 400, failure('no messages'));
  else {
    const tokens = templated(messages, body['add_generation_prompt'] !== false);
    sendJson(response, 200, { count: tokens.length, max_model_len: 65536, tokens });
  }
}

const failure = (message: string) => ({ error: { message, type: 'Error', param: null, code: null } });

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function jsonOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Json);
}
