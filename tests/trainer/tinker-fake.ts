import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { AdamW, Batch, Sequence } from '../../plugins/trainer/trainer.js';
import { canonicalJson, packageRoot } from '../../src/index.js';
import { type FakeTrainer, fakeTrainer } from './fake-trainer.js';

export type Json = Readonly<Record<string, unknown>>;

/** What goes wrong with one request: an answer, no answer at all, or a connection that breaks before or after the work is done. */
export type Trouble =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | 'silent'
  | 'reset'
  | 'reset after';

export interface TinkerFakeOptions {
  /** The service, or SkyRL with one of its backends. */
  readonly kind: 'hosted' | 'skyrl_train' | 'skyrl_jax';
  /** Knows requests by their numbers; PyPI's SkyRL 0.3.0 doesn't. Default true. */
  readonly isIdempotent?: boolean;
  /** What a step must say of Adam; SkyRL-Train doesn't look. */
  readonly optimizer: AdamW;
  readonly key?: string;
  /** From 1: how often this path was asked. */
  readonly trouble?: (path: string, count: number) => Trouble | undefined;
  /** In place of a result. */
  readonly outcome?: (path: string, count: number) => Json | undefined;
  /** How often a result is asked for before it is there. Default 0. */
  readonly polls?: number;
}

export interface TinkerFake {
  readonly url: string;
  readonly requests: readonly { readonly path: string; readonly body: Json; readonly bytes: number }[];
  /** The model that is trained. */
  readonly trainer: FakeTrainer;
  close(): Promise<void>;
}

/** How a fake says that a request is wrong. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const OPENAPI = JSON.parse(
  readFileSync(join(packageRoot(), 'tests/fixtures/trainer/skyrl-0.3.0-openapi.json'), 'utf8'),
);
export const BASE_MODEL = 'bigram';
const LOAD = {
  model: { config: { vocabulary: 6 }, tokenizer: '' },
  seed: 3,
  microBatchTokens: 64,
  checkpointing: false,
} as const;

/** A Tinker server for tests: bodies are checked by the OpenAPI of PyPI's skyrl 0.3.0, what it does follows skyrl/tinker/api.py and the SDK tinker 0.38.0, its model is a bigram. */
export async function tinkerFake(options: TinkerFakeOptions): Promise<TinkerFake> {
  const { kind, isIdempotent = true, optimizer, key, trouble, outcome, polls = 0 } = options;
  const trainer = fakeTrainer();
  const check = checker();
  const requests: { path: string; body: Json; bytes: number }[] = [];
  const counts = new Map<string, number>();
  const results = new Map<string, { readonly result: Json; left: number }>();
  const taken = new Map<number, { readonly body: string; readonly answer: Json }>();
  const saved = new Map<string, string>();
  const checkpoints = mkdtempSync(join(tmpdir(), 'tinker-fake-'));
  let model: string | undefined;
  let models = 0;
  /** Slopes of the server's losses, which a step may still divide. */
  let waiting: { readonly sequence: Sequence; readonly slopes: readonly number[] }[] = [];

  const promise = (result: Json): Json => {
    const id = String(results.size + 1);
    results.set(id, { result, left: polls });
    return { request_id: id, future_id: id, status: 'pending' };
  };
  const work: Record<string, (body: Json) => Promise<Json>> = {
    async create_model() {
      models++;
      model = `model_${models}`;
      waiting = [];
      await trainer.load({ ...LOAD, optimizer });
      return { model_id: model, ...promise({ model_id: model }) };
    },
    async unload_model() {
      model = undefined;
      return promise({ type: 'unload_model' });
    },
    async forward(body) {
      const batch = batchIn(body['forward_input'] as Json);
      return promise(outputs(await scored(batch)));
    },
    async forward_backward(body) {
      const input = body['forward_backward_input'] as Json;
      const batch = batchIn(input);
      const logprobs = await scored(batch);
      const data = input['data'] as readonly Json[];
      for (const [index, sequence] of batch.entries())
        waiting.push({
          sequence,
          slopes: slopesOf(input, data[index] ?? {}, logprobs[index] ?? [], kind === 'skyrl_jax'),
        });
      return promise(outputs(logprobs));
    },
    async optim_step(body) {
      const adam = body['adam_params'] as Record<string, number>;
      const { betas, eps, weightDecay } = optimizer;
      const said = [adam['beta1'], adam['beta2'], adam['eps'], adam['weight_decay']];
      if (String(said) !== String([...betas, eps, weightDecay])) throw new Refusal(400, `Adam with ${said}`);
      const count = kind === 'skyrl_jax' ? waiting.length : 1;
      const batch = waiting.map(({ sequence, slopes }) => ({
        ...sequence,
        weights: slopes.map((slope) => -slope / count),
      }));
      await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer: 1 });
      waiting = [];
      const clip =
        kind === 'skyrl_train'
          ? 1
          : (kind === 'hosted' && adam['grad_clip_norm']) || Number.POSITIVE_INFINITY;
      const { gradientNorm } = await trainer.step({
        learningRate: adam['learning_rate'] ?? 0,
        gradientClip: clip,
      });
      return promise({ metrics: { 'skyrl.ai/grad_norm': gradientNorm } });
    },
    async save_weights(body) {
      const path = `tinker://${model}/weights/${body['path']}`;
      if (kind !== 'hosted' && saved.has(path))
        throw new Refusal(409, `Checkpoint '${body['path']}' already exists`);
      saved.set(path, join(checkpoints, String(saved.size)));
      await trainer.save(saved.get(path) ?? '');
      return promise({ path, type: 'save_weights' });
    },
    async save_weights_for_sampler(body) {
      return promise({
        path: `tinker://${model}/sampler_weights/${body['path']}`,
        type: 'save_weights_for_sampler',
      });
    },
    async load_weights(body) {
      const folder = saved.get(String(body['path']));
      if (folder === undefined) throw new Refusal(404, `Checkpoint not found: ${body['path']}`);
      if (taken.size > 0) throw new Refusal(400, 'LoadWeights is only permitted as the first request');
      await trainer.load({ ...LOAD, optimizer, resume: folder });
      return promise({ type: 'load_weights' });
    },
  };
  const scored = async (batch: Batch) =>
    (await trainer.logprobs(batch)).logprobs.map((values) => [...values].slice(1));

  const post = async (path: string, body: Json): Promise<Json> => {
    if (path === 'create_session') return { session_id: 'session_1', type: path };
    if (path === 'session_heartbeat') return { type: path };
    if (path === 'retrieve_future') return retrieve(String(body['request_id']));
    const act = work[path];
    if (act === undefined) throw new Refusal(404, 'Not Found');
    if (path === 'create_model') taken.clear();
    else if (body['model_id'] !== model) throw new Refusal(404, 'Model not found');
    const seq = body['seq_id'];
    if (!isIdempotent || typeof seq !== 'number') return act(body);
    // SkyRL has the name of a checkpoint before it looks at the number.
    if (
      kind !== 'hosted' &&
      path === 'save_weights' &&
      saved.has(`tinker://${model}/weights/${body['path']}`)
    )
      throw new Refusal(409, `Checkpoint '${body['path']}' already exists`);
    const text = canonicalJson({ path, ...body });
    const before = taken.get(seq);
    if (before !== undefined && before.body !== text)
      throw new Refusal(409, 'Training request sequence number was reused');
    if (before !== undefined) return before.answer;
    if (kind === 'hosted' && seq !== taken.size + 1)
      throw new Refusal(400, `number ${seq} after ${taken.size}`);
    const forced = outcome?.(path, counts.get(path) ?? 0);
    const answer = forced === undefined ? await act(body) : promise(forced);
    taken.set(seq, { body: text, answer });
    return answer;
  };
  const retrieve = (id: string): Json => {
    const found = results.get(id);
    if (found === undefined) throw new Refusal(404, 'Future not found');
    if (found.left-- > 0) {
      if (kind === 'hosted') return { type: 'try_again', request_id: id, queue_state: 'active' };
      throw new Refusal(408, 'Timeout waiting for result');
    }
    const { error } = found.result;
    if (error !== undefined && kind !== 'hosted') throw new Refusal(400, String(error));
    return found.result;
  };
  const get = (path: string): Json => {
    if (path === '/openapi.json' && kind !== 'hosted') return openapi(isIdempotent);
    if (path === '/api/v1/healthz') return { status: 'ok' };
    if (path === '/api/v1/get_server_capabilities')
      return {
        supported_models: [
          { model_name: BASE_MODEL, ...(kind === 'hosted' ? { max_context_length: 64 } : {}) },
        ],
      };
    throw new Refusal(404, 'Not Found');
  };

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      const status = error instanceof Refusal ? error.status : 500;
      answer(response, status, { detail: String(error instanceof Error ? error.message : error) });
    });
  });
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const path = (request.url ?? '').replace('/api/v1/', '');
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    if (key !== undefined && request.headers['x-api-key'] !== key)
      throw new Refusal(401, `no such key: ${request.headers['x-api-key']}`);
    if (request.method === 'GET') return answer(response, 200, get(request.url ?? ''));
    const body = JSON.parse(text) as Json;
    requests.push({ path, body, bytes: text.length });
    const fault = check(path, body);
    if (fault !== undefined) throw new Refusal(422, fault);
    const wrong = trouble?.(path, count);
    if (wrong === 'silent') return;
    if (wrong === 'reset') return void request.socket.destroy();
    if (typeof wrong === 'object')
      return answer(response, wrong.status, wrong.body ?? { detail: 'trouble' }, wrong.headers);
    const result = await post(path, body);
    if (wrong === 'reset after') return void request.socket.destroy();
    answer(response, 200, result);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    trainer,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Main of August 2026 has a `seq_id` in its requests; 0.3.0 drops it. */
function openapi(isIdempotent: boolean): Json {
  if (!isIdempotent) return OPENAPI;
  const copy = structuredClone(OPENAPI);
  copy.components.schemas.OptimStepRequest.properties.seq_id = { type: 'integer' };
  return copy;
}

/** What is wrong with a body, by the server's own schemas. */
function checker(): (path: string, body: Json) => string | undefined {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(OPENAPI, 'openapi');
  return (path, body) => {
    const schema = OPENAPI.paths[`/api/v1/${path}`]?.post.requestBody.content['application/json'].schema;
    if (schema === undefined) return undefined;
    const validate = ajv.getSchema(`openapi${schema.$ref}`);
    return validate?.(body) === false ? ajv.errorsText(validate.errors) : undefined;
  };
}

function tensor(datum: Json, name: string): readonly number[] | undefined {
  const tensors = datum['loss_fn_inputs'] as Readonly<Record<string, { readonly data: readonly number[] }>>;
  return tensors[name]?.data;
}

/** Sequences with the token that a datum has only as a target. */
function batchIn({ data }: Json): Batch {
  return (data as readonly Json[]).map((datum) => {
    const { chunks } = datum['model_input'] as { chunks: readonly [{ readonly tokens: readonly number[] }] };
    const targets = tensor(datum, 'target_tokens') ?? [];
    const inputs = chunks[0].tokens;
    if (inputs.slice(1).some((token, at) => token !== targets[at]))
      throw new Refusal(400, 'targets are not the inputs, shifted');
    const tokens = [...inputs, targets.at(-1) ?? 0];
    return { tokens, weights: tokens.map(() => 0) };
  });
}

function outputs(logprobs: readonly (readonly number[])[]): Json {
  const loss_fn_outputs = logprobs.map((data) => ({
    logprobs: { data, dtype: 'float32', shape: [data.length] },
  }));
  return { loss_fn_output_type: 'scalar', loss_fn_outputs, metrics: {} };
}

/** Derivatives of skyrl/tinker/loss_fns.py by the log-probabilities; the mean of a sequence is that of the JAX backend. */
function slopesOf(input: Json, datum: Json, logprobs: readonly number[], isMean: boolean): readonly number[] {
  const config = (input['loss_fn_config'] ?? {}) as Readonly<Record<string, number>>;
  const [low, high] = [config['clip_low_threshold'] ?? 0.8, config['clip_high_threshold'] ?? 1.2];
  const weights = tensor(datum, 'weights') ?? logprobs.map(() => 1);
  const of = (name: string) => tensor(datum, name) ?? [];
  const slopes = logprobs.map((logprob, at) => {
    const weight = weights[at] ?? 0;
    if (input['loss_fn'] === 'cross_entropy') return -weight;
    const advantage = of('advantages')[at] ?? 0;
    const ratio = Math.exp(logprob - (of('logprobs')[at] ?? 0));
    const clipped = Math.min(Math.max(ratio, low), high);
    if (input['loss_fn'] === 'cispo') return -weight * clipped * advantage;
    return ratio * advantage <= clipped * advantage ? -weight * ratio * advantage : 0;
  });
  const total = isMean ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
  return [0, ...slopes.map((slope) => slope / Math.max(total, 1e-9))];
}
