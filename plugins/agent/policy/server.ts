import { AssayError, type Clock, type Message } from '../../../src/index.js';
import type { Ask } from './connection.js';
import { Fault } from './fault.js';
import { objection } from './guard.js';
import { type Response, textOf } from './request.js';

/** What a server answers beside completions. */
export interface Server {
  readonly ask: Ask;
  /** Without a slash at its end. */
  readonly base: string;
  readonly model: string;
  readonly templateArgs?: Readonly<Record<string, unknown>>;
}

/** Seconds after which a server's settings are asked for again: it may have been started anew with others. */
const SETTINGS_AGE = 300;

/** Ids of a conversation by the server's own template and tokenizer, from `/tokenize` at its root or beside the completions. */
export function serverTokenizer({ ask, base, model, templateArgs }: Server) {
  let places = [`${rootOf(base)}/tokenize`, `${base}/tokenize`];
  return async (messages: readonly Message[], signal: AbortSignal): Promise<readonly number[]> => {
    const body = {
      model,
      messages,
      add_generation_prompt: true,
      ...(templateArgs === undefined ? {} : { chat_template_kwargs: templateArgs }),
    };
    const { answer, place } = await askFirst(ask, { places, body, read: readIds, signal });
    places = [place];
    return answer;
  };
}

async function readIds(response: Response): Promise<readonly number[]> {
  const { tokens } = await readJson(response);
  if (Array.isArray(tokens) && tokens.length > 0 && tokens.every((id) => Number.isSafeInteger(id)))
    return tokens;
  throw new Fault('passing', 'the answer holds no token ids');
}

/** What stands against taking the server's sampling for what is asked for; undefined: nothing. The answer is kept for a while. */
export function serverSettings({ ask, base }: Server, clock: Clock) {
  // vLLM has the first in its development mode; SGLang has both, the second in older versions.
  const places = [`${rootOf(base)}/server_info?config_format=json`, `${rootOf(base)}/get_server_info`];
  let known: { readonly doubt: string | undefined; readonly at: number } | undefined;
  return async (signal: AbortSignal): Promise<string | undefined> => {
    if (known !== undefined && clock.now() - known.at < SETTINGS_AGE * 1000) return known.doubt;
    const asked = await askFirst(ask, { places, read: readJson, signal }).catch((error: unknown) => {
      if (isRefusal(error)) return undefined;
      throw error;
    });
    known = { doubt: objection(asked?.answer), at: clock.now() };
    return known.doubt;
  };
}

interface Places<T> {
  readonly places: readonly string[];
  readonly body?: unknown;
  readonly read: (response: Response) => Promise<T>;
  readonly signal: AbortSignal;
}

/** Asks at the first place, and where that is refused at the next; all refusals are said. */
async function askFirst<T>(
  ask: Ask,
  { places, ...question }: Places<T>,
): Promise<{ readonly answer: T; readonly place: string }> {
  const refusals: string[] = [];
  for (const place of places)
    try {
      return { answer: await ask({ ...question, url: place }), place };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push(error.message);
    }
  throw new AssayError('policy_refused', refusals.join('; '));
}

const isRefusal = (error: unknown): error is AssayError =>
  error instanceof AssayError && error.code === 'policy_refused';

async function readJson({ bytes }: Response): Promise<Record<string, unknown>> {
  const text = await textOf(bytes);
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new Fault('passing', `the answer is no JSON: ${text}`);
  }
}

/** vLLM and SGLang have their own endpoints beside `/v1`. */
const rootOf = (base: string) => base.replace(/\/v1$/, '');
