import { AssayError, type Clock, isObject, pause } from '../../../src/index.js';
import { codeOf, Fault, failure, mayBeTaken, mayPass } from './fault.js';
import { type Request, send } from './http.js';

export interface ConnectionOptions {
  /** Of the server, without `/api/v1`. */
  readonly url: string;
  /** Sent as `X-API-Key`. */
  readonly key?: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Longest time that one request may take, in seconds; default 120. */
  readonly requestSeconds?: number;
  /** Longest time that the work of one request may take, in seconds; default 7200. */
  readonly resultSeconds?: number;
  /** Further tries after what may pass; default 8. */
  readonly retries?: number;
  readonly onRetry?: (words: string) => void;
}

export type Members = Readonly<Record<string, unknown>>;

export interface How {
  readonly isRepeatable: boolean;
  /** Further tries; absent: those of the connection. */
  readonly retries?: number;
}

/** A way to one Tinker server. What it rejects with never holds the key. */
export interface Connection {
  readonly url: string;
  /** What is at a path; undefined where nothing is. */
  get(path: string): Promise<Members | undefined>;
  /**
   * The answer to a request. `isRepeatable`: sending it twice does it once; others are not sent again where they may have arrived. Rejects with
   * `trainer_refused` or `internal` for what would be refused again, with `trainer_failed` for what may pass but didn't; the cause is a `Fault`.
   */
  post(path: string, body: Members, how: How): Promise<Members>;
  /** The result of a request that was taken. Rejects like `post`, and with `trainer_out_of_memory`. */
  result(requestId: string, what: string): Promise<Members>;
}

const RETRIES = 8;
/** Longest wait between tries in seconds where the server doesn't say. */
const LONGEST_WAIT = 30;
/** A server holds a question for a result for up to 300 s; its SDK and we ask again earlier, as proxies end what is silent. */
const POLL_SECONDS = 45;

/** Connects nothing yet: each request is one of its own. */
export function connect(options: ConnectionOptions): Connection {
  const { key, clock, random, signal, requestSeconds = 120, resultSeconds = 7200 } = options;
  const url = options.url.replace(/\/+$/, '');
  const redacted = (words: string) => (key ? words.replaceAll(key, '[key]') : words);
  const failed = (what: string, words: string, cause?: Fault) =>
    new AssayError(cause === undefined ? 'trainer_failed' : codeOf(cause), `${what} at ${url}: ${words}`, {
      cause,
    });
  const ask = (path: string, body?: Members, seconds = requestSeconds) => {
    const request: Request = { url: `${url}${path}`, key, seconds, clock, signal };
    return send(body === undefined ? request : { ...request, body }).catch((error: unknown) => {
      throw error instanceof Fault ? new Fault(redacted(error.message), error.kind, error.retryAfter) : error;
    });
  };
  const retried = async (
    act: () => Promise<unknown>,
    what: string,
    { isRepeatable, retries = options.retries ?? RETRIES }: How,
  ): Promise<Members> => {
    for (let tries = 0; ; tries++) {
      try {
        const answer = await act();
        if (isObject(answer)) return answer;
        throw failed(what, 'the answer is no JSON object');
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        if (!mayPass(error) || tries >= retries) throw failed(what, error.message, error);
        if (!isRepeatable && mayBeTaken(error)) throw failed(what, `${error.message}; ${UNKNOWN}`, error);
        const wait = error.retryAfter ?? Math.min(2 ** tries, LONGEST_WAIT) * (0.5 + random() / 2);
        options.onRetry?.(`${what}: ${error.message}; again in ${wait.toFixed(1)} s`);
        await pause(wait * 1000, clock, signal);
      }
    }
  };
  return {
    url,
    get: (path) =>
      retried(() => ask(path).catch(elseIf(404, { missing: true })), path, { isRepeatable: true }).then(
        (answer) => (answer['missing'] === true ? undefined : answer),
      ),
    post: (path, body, how) => retried(() => ask(`/api/v1/${path}`, body), path, how),
    async result(requestId, what) {
      const end = clock.now() + resultSeconds * 1000;
      const seconds = Math.min(POLL_SECONDS, requestSeconds);
      for (;;) {
        const poll = () =>
          ask('/api/v1/retrieve_future', { request_id: requestId }, seconds)
            .catch(elseIf('late', AGAIN))
            .catch(elseIf(408, AGAIN));
        const answer = await retried(poll, what, { isRepeatable: true }).catch((error) => {
          throw resultFault(error, `${what} at ${url}`);
        });
        if (answer['type'] !== 'try_again') {
          const { error, category } = answer;
          if (error === undefined) return answer;
          throw failure(`${what} at ${url}`, redacted(String(error)), category);
        }
        if (clock.now() > end) throw failed(what, `no result in ${resultSeconds} s`);
        await pause(1000 * (0.5 + random() / 2), clock, signal);
      }
    },
  };
}

const AGAIN: Members = { type: 'try_again' };
const UNKNOWN = 'whether it was done is not known, as this server does not tell requests from repeated ones';

/** Takes one kind of fault for an answer. */
function elseIf(kind: Fault['kind'], answer: Members): (error: unknown) => Members {
  return (error) => {
    if (error instanceof Fault && error.kind === kind) return answer;
    throw error;
  };
}

/** SkyRL says by status 400 that the work failed; a result that isn't there is one that it lost. */
function resultFault(error: unknown, what: string): unknown {
  const fault = error instanceof AssayError ? error.cause : undefined;
  if (!(fault instanceof Fault) || codeOf(fault) === 'trainer_failed') return error;
  if (fault.kind === 400) return failure(what, fault.message, 'unknown');
  return new AssayError('trainer_failed', `${what}: ${fault.message}`, { cause: fault });
}
