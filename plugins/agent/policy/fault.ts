import { harmless } from '../../../src/index.js';

/**
 * Why one request failed: what may pass is sent again, `final` would be refused again, `content`: what was said may be the reason, `context`: the prompt is too
 * long.
 */
export class Fault extends Error {
  constructor(
    readonly kind: 'passing' | 'final' | 'content' | 'context',
    message: string,
    /** Seconds that the server asks to wait. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** Statuses below 500 that the same request may not meet again. */
const PASSING = [408, 409, 425, 429];
/** Statuses of requests whose form or content is refused, and not the caller. */
const CONTENT = [400, 413, 422];

/** How vLLM, SGLang, OpenAI, Anthropic's proxy and llama.cpp say that prompt and answer don't fit. */
const TOO_LONG =
  /context_length_exceeded|exceed_context_size|context (length|size|window)|maximum (model|input|prompt) length|prompt is too long|max_tokens must be at least 1\b|reduce the length/i;

/** The fault that a status and its body tell. */
export function refusal(status: number, body: string, retryAfter?: number): Fault {
  const words = `status ${status}: ${wordsIn(body)}`;
  if (status >= 500 || PASSING.includes(status)) return new Fault('passing', words, retryAfter);
  if (TOO_LONG.test(body)) return new Fault('context', words);
  return new Fault(CONTENT.includes(status) ? 'content' : 'final', words);
}

/** The fault of an `error` object where an answer should be: servers send it in a stream that has begun. */
export function refusalIn(error: unknown): Fault {
  const status = Number((error as { code?: unknown } | null)?.code);
  const body = JSON.stringify({ error });
  if (TOO_LONG.test(body)) return new Fault('context', wordsIn(body));
  return refusal(status >= 400 && status < 600 ? status : 500, body);
}

/** The message in the body of an error, in one of its usual places. */
function wordsIn(body: string): string {
  let words: unknown;
  try {
    const json = JSON.parse(body);
    words = json?.error?.message ?? json?.message ?? json?.detail ?? json?.error;
  } catch {
    // A page of a proxy, or nothing.
  }
  return harmless(typeof words === 'string' ? words : body);
}
