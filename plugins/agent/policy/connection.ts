import { AssayError, type Clock, cut } from '../../../src/index.js';
import { Fault } from './fault.js';
import type { Redaction } from './key.js';
import { type Response, send } from './request.js';
import { retried } from './retry.js';

export interface ConnectionOptions {
  readonly key?: string;
  readonly redaction: Redaction;
  readonly clock: Clock;
  readonly random: () => number;
  readonly stallSeconds: number;
  readonly retries: number;
  readonly retrySeconds: number;
  readonly onRetry?: (words: string) => void;
}

/** One request of a connection. */
export interface Question<T> {
  readonly url: string;
  /** Sent by POST; absent: GET. */
  readonly body?: unknown;
  readonly read: (response: Response) => Promise<T>;
  readonly signal: AbortSignal;
}

/**
 * Sends a request until it is answered. Rejects with `policy_refused`, with `conversation_refused` where what was said may be the reason, or with
 * `policy_unavailable` when the retries are used up, and never with the key in their words; a prompt that is too long is a `Fault` of kind `context`.
 */
export type Ask = <T>(question: Question<T>) => Promise<T>;

const CODES = {
  final: 'policy_refused',
  content: 'conversation_refused',
  passing: 'policy_unavailable',
} as const;

/** A way to ask one server. */
export function connection(options: ConnectionOptions): Ask {
  const { redaction, onRetry, clock, stallSeconds, key } = options;
  return async ({ url, body, read, signal }) => {
    // Cut last: half a key would not be found.
    const words = ({ message }: Fault) =>
      cut(redaction.words(`${url}: ${message.replace(/\s+/g, ' ')}`), 400);
    const patience = {
      ...options,
      onRetry: (fault: Fault, seconds: number) =>
        onRetry?.(`${words(fault)}; again in ${seconds.toFixed(1)} s`),
    };
    try {
      return await retried(
        () => send({ url, body, signal, clock, stallSeconds, ...(key === undefined ? {} : { key }) }, read),
        patience,
        signal,
      );
    } catch (error) {
      if (!(error instanceof Fault) || error.kind === 'context') throw error;
      throw new AssayError(CODES[error.kind], words(error));
    }
  };
}
