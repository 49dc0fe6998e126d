import { AssayError, type Decoding } from '../../../src/index.js';

/** The name of each control in requests and echoes, its field, and the values that turn it off; OpenAI's own service knows no extensions. */
const CONTROLS = [
  { name: 'temperature', field: 'temperature', plain: [1], isExtension: false },
  { name: 'top_p', field: 'topP', plain: [1], isExtension: false },
  { name: 'presence_penalty', field: 'presencePenalty', plain: [0], isExtension: false },
  { name: 'frequency_penalty', field: 'frequencyPenalty', plain: [0], isExtension: false },
  { name: 'top_k', field: 'topK', plain: [-1, 0], isExtension: true },
  { name: 'min_p', field: 'minP', plain: [0], isExtension: true },
  { name: 'repetition_penalty', field: 'repetitionPenalty', plain: [1], isExtension: true },
] as const;
const EXTENSIONS = CONTROLS.filter(({ isExtension }) => isExtension);
const STANDARD = CONTROLS.filter(({ isExtension }) => !isExtension);

type Control = (typeof CONTROLS)[number];

const biasIn = (controls: readonly Control[], decoding: Decoding): string | undefined => {
  const found = controls.find(({ field, plain }) => !plain.some((value) => value === decoding[field]));
  return found === undefined ? undefined : `${found.name} is ${decoding[found.field]}`;
};

/** What keeps the decoding from drawing from the model's own distribution, e.g. `top_k is 20`; undefined: nothing. */
export const bias = (decoding: Decoding): string | undefined => biasIn(CONTROLS, decoding);

/** The same for the controls that OpenAI's own service doesn't know. */
export const extensionBias = (decoding: Decoding): string | undefined => biasIn(EXTENSIONS, decoding);

/** The request fields for a decoding: every control, also those that are off, as servers have defaults of their own. */
export function requestFields(decoding: Decoding, standardOnly = false): Record<string, unknown> {
  const controls: readonly Control[] = standardOnly ? STANDARD : CONTROLS;
  return {
    n: 1,
    ...Object.fromEntries(controls.map(({ name, field }) => [name, decoding[field]])),
    [standardOnly ? 'max_completion_tokens' : 'max_tokens']: decoding.maxTokens,
    ...(decoding.seed === undefined ? {} : { seed: decoding.seed }),
    ...(decoding.stop === undefined ? {} : { stop: decoding.stop }),
  };
}

/** The decoding that an answer says was in effect; null unless it names every control. */
export function confirmedBy(echo: unknown, sent: Decoding): Decoding | null {
  const fields = (echo ?? {}) as Record<string, unknown>;
  if (CONTROLS.some(({ name }) => typeof fields[name] !== 'number')) return null;
  const { max_tokens: maxTokens } = fields;
  return {
    ...sent,
    ...(Object.fromEntries(CONTROLS.map(({ name, field }) => [field, fields[name]])) as unknown as Decoding),
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
  };
}

/** What in a server's settings could change the sampling that a request asks for; undefined: nothing, so requests are in effect as sent. */
export function objection(info: unknown): string | undefined {
  const { vllm_config: vllm, ...others } = (info ?? {}) as Record<string, unknown>;
  const model = (vllm as Record<string, unknown> | undefined)?.['model_config'];
  if (typeof model === 'object' && model !== null) return vllmObjection(model as Record<string, unknown>);
  if ('sampling_defaults' in others) return sglangObjection(others);
  return 'the server says nothing of its sampling';
}

function vllmObjection(model: Record<string, unknown>): string | undefined {
  const {
    generation_config: source,
    override_generation_config: overrides,
    logits_processors: processors,
    logprobs_mode: mode = 'raw_logprobs',
  } = model;
  if (source !== 'vllm') return `the server takes sampling defaults from generation_config ${String(source)}`;
  if (!isEmpty(overrides)) return 'the server has an override_generation_config';
  if (!isEmpty(processors)) return 'the server has logits processors';
  return String(mode).endsWith('logprobs') ? undefined : `the server's logprobs_mode is ${String(mode)}`;
}

function sglangObjection(args: Record<string, unknown>): string | undefined {
  if (args['sampling_defaults'] !== 'openai')
    return `the server takes sampling defaults from ${String(args['sampling_defaults'])}`;
  if (!isEmpty(args['preferred_sampling_params'])) return 'the server has preferred_sampling_params';
  return isEmpty(args['enable_custom_logit_processor']) ? undefined : 'the server allows logit processors';
}

/** Null, false, and strings, arrays and objects with nothing in them. */
const isEmpty = (value: unknown) =>
  !value || (typeof value === 'object' && Object.keys(value as object).length === 0);

/**
 * Lets only samples into training that were drawn from the model's own distribution: the ratio to another one would be wrong without any
 * metric that shows it. Throws `sampling_unconfirmed`.
 */
export function requirePlain(confirmed: Decoding | null, doubt: string | undefined): void {
  if (confirmed === null)
    throw new AssayError('sampling_unconfirmed', `the server doesn't confirm plain sampling: ${doubt}`);
  const found = bias(confirmed);
  if (found !== undefined) throw new AssayError('sampling_unconfirmed', `the server's ${found}`);
}
