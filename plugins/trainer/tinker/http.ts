import { AssayError, type Clock, cut, harmless, messageOf } from '../../../src/index.js';
import { Fault } from './fault.js';

/** Far more than the log-probabilities of one request take; ends an answer without end. */
const MAX_BYTES = 512 * 2 ** 20;

export interface Request {
  readonly url: string;
  /** Sent as JSON by POST; absent: GET. */
  readonly body?: unknown;
  readonly key: string | undefined;
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Codes of a connection that was never there. */
const UNSENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'];

/** Sends once and reads the JSON of the answer. Rejects with a `Fault`, or with the signal's reason. */
export async function send(request: Request): Promise<unknown> {
  const { clock, signal, seconds } = request;
  signal.throwIfAborted();
  const ending = new AbortController();
  const stop = () => ending.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const cancel = clock.after(seconds * 1000, () =>
    ending.abort(new Fault(`no answer in ${seconds} s`, 'late')),
  );
  try {
    const response = await fetch(request.url, { ...initOf(request), signal: ending.signal });
    const text = await textOf(response.body);
    if (!response.ok)
      throw new Fault(
        `status ${response.status}: ${wordsIn(text)}`,
        response.status,
        retryAfter(response.headers.get('retry-after')),
      );
    return JSON.parse(text);
  } catch (error) {
    if (ending.signal.aborted) throw ending.signal.reason;
    throw error instanceof Fault ? error : broken(error);
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
    ending.abort();
  }
}

function initOf({ body, key }: Request): RequestInit {
  const headers = {
    accept: 'application/json',
    ...(key === undefined ? {} : { 'x-api-key': key }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  // A redirect would carry the key to wherever it points.
  const init: RequestInit = { headers, redirect: 'manual' };
  return body === undefined ? init : { ...init, method: 'POST', body: jsonOf(body) };
}

/** JSON has no NaN: `JSON.stringify` would make null of it. */
function jsonOf(body: unknown): string {
  return JSON.stringify(body, (name, value) => {
    if (typeof value === 'number' && !Number.isFinite(value))
      throw new AssayError('internal', `a Tinker server was to be sent ${value} as "${name}"`);
    return value;
  });
}

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body ?? []) {
    total += chunk.length;
    if (total > MAX_BYTES) throw new Fault(`an answer of more than ${MAX_BYTES} bytes`, 'lost');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** A connection that fails or breaks (`fetch` hides why in the cause), or JSON that is cut short. */
function broken(error: unknown): unknown {
  if (error instanceof AssayError) return error;
  const { cause } = error as { cause?: { code?: string } };
  const why = cause === undefined ? '' : `: ${messageOf(cause) || cause.code}`;
  return new Fault(`${messageOf(error)}${why}`, UNSENT.includes(cause?.code ?? '') ? 'unsent' : 'lost');
}

/** What FastAPI and Tinker say is wrong. */
function wordsIn(body: string): string {
  let words: unknown;
  try {
    const json = JSON.parse(body);
    words = json?.detail ?? json?.error ?? json?.message;
  } catch {
    // A page of a proxy, or nothing.
  }
  return cut(harmless(typeof words === 'string' ? words : JSON.stringify(words ?? body)), 400);
}

function retryAfter(header: string | null): number | undefined {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}
