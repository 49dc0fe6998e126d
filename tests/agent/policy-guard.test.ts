import { describe, expect, test } from '@jest/globals';
import { bias, confirmedBy, objection, requestFields } from '../../plugins/agent/policy/guard.js';
import { openAiPolicy } from '../../plugins/agent/policy/open-ai.js';
import { testClock } from '../helpers/jobs.js';
import { plain, scene, user } from './policies.js';

const training = { mode: 'token', purpose: 'training' } as const;
const vllm = (model: object = {}) => ({
  vllm_config: { model_config: { generation_config: 'vllm', override_generation_config: {}, ...model } },
});
const sglang = (args: object = {}) => ({
  sampling_defaults: 'openai',
  preferred_sampling_params: null,
  ...args,
});

describe('a rollout for training', () => {
  test('takes samples that the answer says were drawn plainly', async () => {
    const { first } = await scene({ reply: () => 'ok', sampling: () => ({}) }, training);
    expect(await first()).toMatchObject({ confirmed: plain });
  });

  test.each([
    ['temperature', 0.7],
    ['top_p', 0.95],
    ['top_k', 20],
    ['min_p', 0.05],
    ['repetition_penalty', 1.1],
    ['presence_penalty', 0.5],
    ['frequency_penalty', 0.5],
  ])('refuses samples whose answer says that %s was %d', async (name, value) => {
    const { first, retries } = await scene(
      { reply: () => 'ok', sampling: () => ({ [name]: value }) },
      training,
    );
    await expect(first()).rejects.toMatchObject({
      code: 'sampling_unconfirmed',
      message: `the server's ${name} is ${value}`,
    });
    expect(retries).toEqual([]);
  });

  test('refuses samples whose answer says nothing, or not all', async () => {
    const silent = await scene({ reply: () => 'ok' }, training);
    await expect(silent.first()).rejects.toMatchObject({
      code: 'sampling_unconfirmed',
      message: "the server doesn't confirm plain sampling: the server says nothing of its sampling",
    });
    const partial = await scene({ reply: () => 'ok', sampling: () => ({ min_p: null }) }, training);
    await expect(partial.first()).rejects.toMatchObject({ code: 'sampling_unconfirmed' });
  });

  test.each([
    ['vLLM', vllm()],
    ['SGLang', sglang()],
  ])('takes samples of a %s that takes requests as they are', async (_, info) => {
    const { first } = await scene({ reply: () => 'ok', info: () => info }, training);
    expect(await first()).toMatchObject({ confirmed: plain });
  });

  test('refuses samples where the answer says otherwise than the settings', async () => {
    const server = { reply: () => 'ok', info: () => vllm(), sampling: () => ({ top_k: 20 }) };
    const { first } = await scene(server, training);
    await expect(first()).rejects.toMatchObject({ code: 'sampling_unconfirmed' });
  });

  test('asks for the settings again after a while, and refuses when they have changed', async () => {
    let seconds = 0;
    let source = 'vllm';
    const info = () => vllm({ generation_config: source });
    const clock = { ...testClock(100), now: () => seconds * 1000 };
    const { first, requests } = await scene({ reply: () => 'ok', info }, { ...training, clock });
    await first();
    source = 'auto';
    await first();
    expect(requests.filter(({ path }) => path === '/server_info')).toHaveLength(1);
    seconds = 301;
    await expect(first()).rejects.toMatchObject({
      code: 'sampling_unconfirmed',
      message: expect.stringContaining('sampling defaults from generation_config auto'),
    });
  });

  test('cannot be asked for with a decoding that is not plain, or without every control', () => {
    const options = {
      baseUrl: 'http://127.0.0.1/v1',
      model: 'm',
      ...training,
      decoding: plain,
      clock: testClock(),
      random: () => 0,
    };
    const thrown = { code: 'usage', message: expect.stringContaining('min_p is 0.1') };
    const build = (extra: object) => () => openAiPolicy({ ...options, ...extra });
    expect(build({})).not.toThrow();
    expect(build({ decoding: { ...plain, topK: 0, seed: 7, stop: ['x'] } })).not.toThrow();
    expect(build({ decoding: { ...plain, minP: 0.1 } })).toThrow(expect.objectContaining(thrown));
    expect(build({ standardOnly: true })).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

test('an evaluation takes what the server has, and records what it says', async () => {
  const { policy, requests } = await scene({ reply: () => 'ok', sampling: () => ({ top_k: 20 }) });
  const sample = await policy.sample({ messages: [user('Hi')], turns: [] }, new AbortController().signal);
  expect(sample).toMatchObject({ decoding: plain, confirmed: { ...plain, topK: 20 } });
  expect(requests.map(({ path }) => path)).toEqual(['/v1/chat/completions']);
});

describe('the sampling guard', () => {
  test('names the first control that is not off', () => {
    expect(bias(plain)).toBeUndefined();
    expect(bias({ ...plain, topK: 20 })).toBe('top_k is 20');
    expect(bias({ ...plain, temperature: 0 })).toBe('temperature is 0');
  });

  test('reads back what it has sent', () => {
    const odd = { ...plain, temperature: 0.5, topK: 7, repetitionPenalty: 1.5, maxTokens: 9 };
    expect(confirmedBy(requestFields(odd), plain)).toEqual(odd);
  });

  test('takes no echo for one that lacks a control', () => {
    for (const name of ['temperature', 'top_p', 'top_k', 'min_p', 'repetition_penalty']) {
      const { [name]: _, ...others } = requestFields(plain);
      expect(confirmedBy(others, plain)).toBeNull();
    }
    for (const echo of [undefined, null, 'plain', [], {}, { temperature: '1' }])
      expect(confirmedBy(echo, plain)).toBeNull();
  });

  test.each<[unknown, RegExp | undefined]>([
    [vllm(), undefined],
    [vllm({ logprobs_mode: 'processed_logprobs', logits_processors: null }), undefined],
    [vllm({ generation_config: 'auto' }), /sampling defaults from generation_config auto/],
    [vllm({ override_generation_config: { top_k: 20 } }), /override_generation_config/],
    [vllm({ logits_processors: ['x:Y'] }), /logits processors/],
    [vllm({ logprobs_mode: 'raw_logits' }), /logprobs_mode is raw_logits/],
    [{ vllm_config: 'a string, as without config_format=json' }, /says nothing/],
    [sglang(), undefined],
    [sglang({ sampling_defaults: 'model' }), /sampling defaults from model/],
    [sglang({ preferred_sampling_params: '{"top_k": 20}' }), /preferred_sampling_params/],
    [sglang({ enable_custom_logit_processor: true }), /logit processors/],
    [{}, /says nothing/],
    [undefined, /says nothing/],
  ])('judges the settings %j', (info, expected) => {
    if (expected === undefined) expect(objection(info)).toBeUndefined();
    else expect(objection(info)).toMatch(expected);
  });
});
