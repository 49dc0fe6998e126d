import { describe, expect, test } from '@jest/globals';
import type { Policy } from '../../plugins/agent/policy/policy.js';
import { contextIds } from '../../plugins/agent/policy/tokens.js';
import type { Message, Turn } from '../../src/index.js';
import { never, plain, scene, turnOf, user } from './policies.js';
import { type Reply, toyLogprob } from './policy-server.js';
import { decoded, END, encoded, messagesOf, spelled } from './toy-tokenizer.js';

const assistant = (content: string): Message => ({ role: 'assistant', content });

/** An episode of these observations; what each turn took and the messages in the end. */
async function episode(policy: Policy, observations: readonly string[]) {
  const messages: Message[] = [{ role: 'system', content: 'Be brief.' }, user('Fix it')];
  const turns: Turn[] = [];
  for (const observation of observations) {
    const turn = turnOf(await policy.sample({ messages, turns }, never), turns.length + 1, observation);
    turns.push(turn);
    messages.push(assistant(turn.response), user(observation));
  }
  return { messages, turns };
}

const idsOf = (turns: readonly Turn[]) =>
  turns.flatMap(({ tokens }) => [...(tokens?.contextIds ?? []), ...(tokens?.sampledIds ?? [])]);

describe('a policy in token mode', () => {
  test.each([true, false])('sends back exactly the ids that were sampled (stream: %p)', async (stream) => {
    const { policy, requests } = await scene(
      { reply: ({ turn }) => `turn ${turn}: naïve 🙂 words` },
      { mode: 'token', stream },
    );
    const { messages, turns } = await episode(policy, ['one', 'two\n', '', 'four']);
    const prompts = requests.flatMap(({ path, body }) =>
      path === '/v1/completions' ? [body['prompt']] : [],
    );
    for (const [at, prompt] of prompts.entries())
      expect(prompt).toEqual([...idsOf(turns.slice(0, at)), ...(turns[at]?.tokens?.contextIds ?? [])]);
    const last = turns.at(-1)?.tokens;
    expect(last?.sampledIds).toEqual([...spelled('turn 4: naïve 🙂 words'), END]);
    expect(last?.logprobs).toEqual(last?.sampledIds.map(toyLogprob));
    expect(messagesOf(idsOf(turns))).toEqual(messages.slice(0, -1));
    // The same text from the template has other ids: nothing was tokenised again.
    expect(spelled('words')).not.toEqual(encoded('words'));
  });

  test('asks for ids and log-probabilities of a prompt of ids, with every control', async () => {
    const { policy, requests } = await scene({ reply: () => 'ok' }, { mode: 'token' });
    await episode(policy, ['one']);
    expect(requests.at(-1)).toEqual({
      path: '/v1/completions',
      body: {
        ...{ model: 'toy', prompt: expect.any(Array), return_token_ids: true, logprobs: 1 },
        ...{ n: 1, temperature: 1, top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1 },
        ...{ presence_penalty: 0, frequency_penalty: 0, max_tokens: 1000 },
        ...{ stream: true, stream_options: { include_usage: true } },
      },
    });
  });

  test('closes a turn that was cut at its length as the template does', async () => {
    const { policy } = await scene(
      { reply: () => 'abcdef' },
      { mode: 'token', decoding: { ...plain, maxTokens: 3 } },
    );
    const { turns } = await episode(policy, ['one', 'two']);
    expect(turns[0]?.tokens?.sampledIds).toEqual(spelled('abc'));
    expect(turns[1]?.tokens?.contextIds.slice(0, 2)).toEqual([END, ...encoded('\n')]);
    expect(messagesOf(idsOf(turns))).toMatchObject([{}, {}, assistant('abc'), user('one')]);
  });

  test('keeps the turn as it was sampled when the model ends it by another token than the template', async () => {
    const other = (sent: object) => JSON.parse(JSON.stringify(sent).replace(`[${END}]`, '[3]'));
    const { policy } = await scene({ reply: () => ({ text: 'abc', edit: other }) }, { mode: 'token' });
    const { turns } = await episode(policy, ['one', 'two']);
    expect(turns[0]?.tokens?.sampledIds.at(-1)).toBe(3);
    expect(turns[1]?.tokens?.contextIds[0]).toBe(END);
  });

  test('finds the tokenizer beside the completions, too, and gives it the arguments of the template', async () => {
    const { policy, requests } = await scene(
      { reply: () => 'ok', tokenizePath: '/v1/tokenize' },
      { mode: 'token', templateArgs: { enable_thinking: false } },
    );
    const { turns } = await episode(policy, ['one', 'two']);
    expect(decoded(idsOf(turns))).toContain('one');
    expect(requests.filter(({ path }) => path === '/tokenize')).toHaveLength(1);
    expect(requests[1]).toMatchObject({
      path: '/v1/tokenize',
      body: { add_generation_prompt: true, chat_template_kwargs: { enable_thinking: false } },
    });
  });

  test('records the version of the weights of each turn', async () => {
    let version = 0;
    const { policy } = await scene(
      { reply: () => 'ok', weightVersion: () => `step-${++version}` },
      { mode: 'token', stream: false },
    );
    const { turns } = await episode(policy, ['one', 'two']);
    expect(turns.map(({ weightVersion }) => weightVersion)).toEqual(['step-1', 'step-2']);
  });

  test('leaves an answer no more than the room in the context, and ends where there is none', async () => {
    const { policy } = await scene({ reply: () => 'x'.repeat(500) }, { mode: 'token', contextTokens: 200 });
    const { turns } = await episode(policy, ['one']);
    expect(turns[0]).toMatchObject({ finishReason: 'length' });
    expect(idsOf(turns)).toHaveLength(200);
    const messages = [user('Fix it'), assistant('xxx'), user('one')];
    expect(await policy.sample({ messages, turns }, never)).toBe('context_limit');
  });

  test('does not go on with an episode of chat mode', async () => {
    const { policy } = await scene({ reply: () => 'ok' }, { mode: 'token' });
    const { turns, messages } = await episode(policy, ['one']);
    const { tokens: _, ...turn } = turns[0] as Turn;
    await expect(policy.sample({ messages, turns: [turn] }, never)).rejects.toMatchObject({ code: 'usage' });
  });
});

/** Changes the first choice of what is sent. */
const choice = (change: (choice: Record<string, unknown>) => object) => (sent: Record<string, unknown>) => {
  const [first, ...others] = sent['choices'] as Record<string, unknown>[];
  return first === undefined ? sent : { ...sent, choices: [{ ...first, ...change(first) }, ...others] };
};
const usage = (change: object) => (sent: Record<string, unknown>) =>
  sent['usage'] === undefined ? sent : { ...sent, usage: { ...(sent['usage'] as object), ...change } };
const ids = (value: unknown) => [...(value as number[])];

describe('a policy in token mode whose server', () => {
  test.each<[string, (sent: Record<string, unknown>) => unknown, RegExp]>([
    [
      'takes another id',
      choice(({ prompt_token_ids: echo }) => (echo ? { prompt_token_ids: ids(echo).with(3, 9) } : {})),
      /id 3 of the prompt was sent as \d+ and echoed as 9/,
    ],
    [
      'adds an id before the prompt',
      choice(({ prompt_token_ids: echo }) => (echo ? { prompt_token_ids: [0, ...ids(echo)] } : {})),
      /id 0 of the prompt was sent as 1 and echoed as 0/,
    ],
    [
      'adds an id after the prompt',
      choice(({ prompt_token_ids: echo }) => (echo ? { prompt_token_ids: [...ids(echo), 7] } : {})),
      /ids were sent, the server took/,
    ],
    [
      'cuts the prompt',
      choice(({ prompt_token_ids: echo }) => (echo ? { prompt_token_ids: ids(echo).slice(0, -2) } : {})),
      /was sent as \d+ and echoed as undefined/,
    ],
    [
      'counts another prompt, and echoes none',
      (sent) => usage({ prompt_tokens: 3 })(choice(() => ({ prompt_token_ids: null }))(sent) as typeof sent),
      /ids were sent, the server took 3/,
    ],
    [
      'keeps the last id to itself',
      choice(({ token_ids: sampled }) => ({ token_ids: ids(sampled).filter((id) => id !== END) })),
      /the server sampled 4 ids and returned 3/,
    ],
  ])('%s is caught, and not asked again', async (_, edit, message) => {
    for (const stream of [true, false]) {
      const { first, retries } = await scene(
        { reply: () => ({ text: 'abc', edit }) },
        { mode: 'token', stream },
      );
      await expect(first()).rejects.toMatchObject({
        code: 'token_drift',
        message: expect.stringMatching(message),
      });
      expect(retries).toEqual([]);
    }
  });

  test('returns no ids is told so', async () => {
    const { first } = await scene(
      { reply: () => ({ text: 'abc', edit: choice(() => ({ token_ids: null })) }) },
      { mode: 'token' },
    );
    await expect(first()).rejects.toMatchObject({
      code: 'policy_refused',
      message: expect.stringContaining('return_token_ids'),
    });
  });

  test.each<[string, Reply]>([
    ['no log-probabilities', { text: 'abc', edit: choice(() => ({ logprobs: null })) }],
    [
      'log-probabilities above nought',
      { text: 'abc', edit: choice(() => ({ logprobs: { token_logprobs: [1, 1, 1] } })) },
    ],
    [
      'ids that are none',
      { text: 'abc', edit: choice(({ token_ids: sampled }) => ({ token_ids: ids(sampled).map(String) })) },
    ],
    ['half a stream', { fault: 'cut', text: 'abc' }],
  ])('sends %s is asked again', async (_, reply) => {
    const { first, retries } = await scene(
      { reply: ({ attempt }) => (attempt === 1 ? reply : 'done') },
      { mode: 'token' },
    );
    expect(await first()).toMatchObject({ text: 'done', tokens: { sampledIds: [...spelled('done'), END] } });
    expect(retries).toHaveLength(1);
  });

  test('has no chat template for ids is told what it refused', async () => {
    const { first } = await scene({ reply: () => 'x', tokenizePath: '/nowhere' }, { mode: 'token' });
    await expect(first()).rejects.toMatchObject({
      code: 'policy_refused',
      message: expect.stringMatching(/\d\/tokenize: status 404.*\/v1\/tokenize: status 404/),
    });
  });

  test('leaves out what an assistant says is caught', async () => {
    const { policy } = await scene({ reply: () => 'abc' }, { mode: 'token' });
    const { turns, messages } = await episode(policy, ['one']);
    await expect(contextIds({ turns, messages }, async () => [1, 2, 3])).rejects.toMatchObject({
      code: 'token_drift',
    });
  });
});
