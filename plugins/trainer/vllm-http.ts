import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { AssayError, type Clock, cut, harmless, messageOf } from '../../src/index.js';

export interface AskOptions {
  readonly body?: unknown;
  /** Ends this request alone. */
  readonly signal?: AbortSignal;
  /** The server may not know the path. */
  readonly optional?: boolean;
}

export interface Answered {
  /** As JSON; undefined where it is none. */
  readonly body: unknown;
}

/** Asks a server once. Rejects with `policy_refused` (4xx), `policy_unavailable` (5xx, no answer, late) or a signal's reason. */
export type Ask = (method: 'GET' | 'POST', path: string, options?: AskOptions) => Promise<Answered>;

/** Answers of these endpoints are short; this ends one without end. */
const MAX_BYTES = 2 ** 20;

/** A way to ask one server. Not by `fetch`: that gives up on a server that takes more than five minutes to begin its answer. */
export function asker({
  url,
  seconds,
  clock,
  signal,
}: {
  readonly url: string;
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Ask {
  return async (method, path, options = {}) => {
    const late = new AbortController();
    const cancel = clock.after(seconds * 1000, () =>
      late.abort(new AssayError('policy_unavailable', `${url}${path}: no answer in ${seconds} s`)),
    );
    const signals = [signal, late.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const any = AbortSignal.any(signals);
    try {
      const { status, text } = await send(method, `${url}${path}`, options.body, any);
      if ((status < 200 || status > 299) && !(status === 404 && options.optional === true))
        throw refusal(status, `${url}${path}`, text);
      return { body: jsonOf(text) };
    } catch (error) {
      if (any.aborted) throw any.reason;
      if (error instanceof AssayError) throw error;
      const code = (error as { code?: string }).code;
      throw new AssayError('policy_unavailable', `${url}${path}: ${messageOf(error) || code}`, {
        cause: error,
      });
    } finally {
      cancel();
    }
  };
}

function refusal(status: number, url: string, text: string): AssayError {
  const said = cut(harmless(text.replace(/\s+/g, ' ')), 300);
  const hint = status === 404 ? ' (vLLM has to be started with VLLM_SERVER_DEV_MODE=1)' : '';
  const code = status >= 500 ? 'policy_unavailable' : 'policy_refused';
  return new AssayError(code, `${url} answered ${status}${hint}: ${said}`);
}

function send(
  method: string,
  url: string,
  body: unknown,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    'content-length': Buffer.byteLength(text),
    ...(text === '' ? {} : { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, { method, headers, signal });
    request.once('error', reject);
    request.once('response', (response) => {
      textOf(response).then((said) => resolve({ status: response.statusCode ?? 0, text: said }), reject);
    });
    request.end(text);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`an answer of more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
