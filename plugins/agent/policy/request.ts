import { type Clock, messageOf } from '../../../src/index.js';
import { Fault, refusal } from './fault.js';

/** Far more than an answer needs; ends one without end. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface Request {
  readonly url: string;
  /** Sent as JSON by POST; absent: GET. */
  readonly body?: unknown;
  readonly key?: string;
  /** Longest time without a byte. */
  readonly stallSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** An answer with status 2xx whose body is still to come. */
export interface Response {
  readonly contentType: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Sends once and has the answer read. Rejects with a `Fault`, the signal's reason, or what `read` throws. */
export async function send<T>(request: Request, read: (response: Response) => Promise<T>): Promise<T> {
  const { clock, signal, stallSeconds } = request;
  signal.throwIfAborted();
  const ending = new AbortController();
  const stop = () => ending.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  let cancel = () => {};
  const alive = () => {
    cancel();
    const stall = () => ending.abort(new Fault('passing', `no byte for ${stallSeconds} s`));
    cancel = clock.after(stallSeconds * 1000, stall);
  };
  try {
    alive();
    const response = await fetch(request.url, { ...initOf(request), signal: ending.signal }).catch(broken);
    const bytes = bytesOf(response.body, alive);
    if (response.ok) return await read({ contentType: response.headers.get('content-type') ?? '', bytes });
    throw refusal(
      response.status,
      await textOf(bytes),
      retryAfter(response.headers.get('retry-after'), clock),
    );
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
    // Frees the connection of a body that wasn't read to its end.
    ending.abort();
  }
}

function initOf({ body, key }: Request): RequestInit {
  const headers = {
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  // A redirect would carry prompts to wherever it points.
  const init: RequestInit = { headers, redirect: 'manual' };
  return body === undefined ? init : { ...init, method: 'POST', body: JSON.stringify(body) };
}

/** The whole body as text. */
export async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function* bytesOf(
  body: AsyncIterable<Uint8Array> | null,
  alive: () => void,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of body ?? []) {
      alive();
      total += chunk.length;
      if (total > MAX_BYTES) throw new Fault('passing', `an answer of more than ${MAX_BYTES} bytes`);
      yield chunk;
    }
  } catch (error) {
    broken(error);
  }
}

/** A connection that fails or breaks: `fetch` hides why in the cause. */
function broken(error: unknown): never {
  if (error instanceof Fault) throw error;
  const { cause } = error as { cause?: { code?: string } };
  const why = cause === undefined ? '' : `: ${messageOf(cause) || cause.code}`;
  throw new Fault('passing', `${messageOf(error)}${why}`);
}

/** Seconds of a Retry-After, which may be a date. */
function retryAfter(header: string | null, clock: Clock): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(header)
    ? Number(header)
    : (Date.parse(header) - Date.parse(clock.iso())) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
