import type { Failure, ScoreRequest, ScoreResponse } from '../../src/index.js';

export interface ClientOptions {
  /** Of `assay serve`, e.g. `http://127.0.0.1:8642`. */
  readonly url: string;
  readonly token?: string;
  /** Further tries after what may pass; default 8. */
  readonly retries?: number;
  /** Most seconds that one try may take; default 3600, as gradings take long. */
  readonly timeoutSeconds?: number;
  /** Waits; for tests. */
  readonly pause?: (seconds: number) => Promise<void>;
}

export interface OracleClient {
  /** The answer to a request; after the last try one that is `unscorable`, never a reward that nobody found. Rejects with a `RequestError` for a request that the service refuses. */
  score(request: ScoreRequest): Promise<ScoreResponse>;
}

/** The service refuses the request: sending it again would change nothing. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(
    readonly status: number,
    /** A code of docs/errors.md, or empty where something else than the service answered. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Longest wait between tries in seconds where the service doesn't say. */
const LONGEST_WAIT = 30;

const wait = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/** A client of `assay serve`. */
export function createClient(options: ClientOptions): OracleClient {
  const { retries = 8, pause = wait } = options;
  return {
    async score(request) {
      for (let tries = 1; ; tries++) {
        const { answer, retryAfter } = await ask(request, options);
        if (answer.failure?.retryable !== true || tries > retries) return answer;
        await pause(retryAfter ?? Math.min(2 ** (tries - 1), LONGEST_WAIT));
      }
    },
  };
}

interface Asked {
  readonly answer: ScoreResponse;
  /** Seconds. */
  readonly retryAfter?: number;
}

async function ask(
  request: ScoreRequest,
  { url, token, timeoutSeconds = 3600 }: ClientOptions,
): Promise<Asked> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(new URL('/v1/score', url), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    body = await response.json().catch(() => undefined);
  } catch (error) {
    return {
      answer: unscorable(
        'unreachable',
        `no answer from ${url}: ${error instanceof Error ? error.message : error}`,
      ),
    };
  }
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfter = Number.isFinite(after) ? { retryAfter: after } : {};
  if (isAnswer(body)) return { answer: body, ...retryAfter };
  const { error } = (body ?? {}) as { error?: { code?: string; message?: string } };
  const message = error?.message ?? `${url} answered with status ${response.status} and no verdict`;
  if ([408, 425, 429].includes(response.status) || response.status >= 500 || response.ok)
    return { answer: unscorable(error?.code ?? 'no_answer', message), ...retryAfter };
  throw new RequestError(response.status, error?.code ?? '', message);
}

/** A body that is cut short, or of something else that listens there, is none. */
function isAnswer(body: unknown): body is ScoreResponse {
  if (typeof body !== 'object' || body === null || !('status' in body) || !('reward' in body)) return false;
  const { status, reward } = body;
  return status === 'scored' ? typeof reward === 'number' : status === 'unscorable' && reward === null;
}

function unscorable(code: string, message: string): ScoreResponse {
  const failure: Failure = { class: 'infra', code, phase: 'request', message, retryable: true, attempts: 0 };
  const none = { verdict: null, tests: null, timings: {}, key: '', cached: false };
  return { status: 'unscorable', reward: null, failure, ...none };
}
