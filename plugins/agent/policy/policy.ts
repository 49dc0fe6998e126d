import type { Decoding, Message, Turn, TurnTokens, Usage } from '../../../src/index.js';

/** One answer of the model. */
export interface Sample {
  /** The model's text as it came. */
  readonly text: string;
  readonly finishReason: 'stop' | 'length';
  readonly usage: Usage;
  /** What was sent. */
  readonly decoding: Decoding;
  /** What the server confirmed; null: it didn't. */
  readonly confirmed: Decoding | null;
  readonly weightVersion?: string;
  readonly tokens?: TurnTokens;
}

export interface Conversation {
  /** All so far; the last is not an assistant's. */
  readonly messages: readonly Message[];
  /** The turns that are over: their ids are sent as they are. */
  readonly turns: readonly Turn[];
  /** Which of an instance's episodes it is, from 1: each has a seed of its own. */
  readonly sample?: number;
}

/** The model behind an endpoint. */
export interface Policy {
  readonly mode: 'chat' | 'token';
  /**
   * The model's next turn, or `context_limit` where there is no room for one. Rejects with an AssayError (`policy_refused`,
   * `policy_unavailable`, `sampling_unconfirmed`, `token_drift`, and `usage` for turns without ids in token mode), or the signal's reason.
   */
  sample(conversation: Conversation, signal: AbortSignal): Promise<Sample | 'context_limit'>;
}
