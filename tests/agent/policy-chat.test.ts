import { describe, expect, test } from '@jest/globals';
import { openAiPolicy } from '../../plugins/agent/policy/open-ai.js';
import { testClock } from '../helpers/jobs.js';
import { never, plain, scene, turnOf, user } from './policies.js';
import { type Fault, type Reply, startPolicyServer } from './policy-server.js';

/** Replies with these in turn, then `done`. */
const script = (...faults: Reply[]) => ({
  reply: ({ attempt }: { attempt: number }): Reply => faults[attempt - 1] ?? 'done',
});
const status = (status: number, message?: string, headers?: Record<string, string>): Fault => ({
  fault: 'status',
  status,
  ...(message === undefined ? {} : { message }),
  ...(headers === undefined ? {} : { headers }),
});

describe('a policy in chat mode', () => {
  test.each([true, false])('gives text, usage and decoding (stream: %p)', async (stream) => {
    const text = 'Thinking… 🙂\n\n```command\nls\n```\n'.repeat(20);
    const { first } = await scene({ reply: () => text }, { stream });
    expect(await first()).toEqual({
      text,
      finishReason: 'stop',
      usage: { promptTokens: expect.any(Number), completionTokens: Buffer.from(text).length + 1 },
      decoding: plain,
      confirmed: null,
    });
  });

  test('sends every control, also those that are off, and no other', async () => {
    const { first, requests } = await scene({ reply: () => 'ok' });
    await first();
    expect(requests[0]?.body).toEqual({
      model: 'toy',
      messages: [{ role: 'system', content: 'Be brief.' }, user('Hi')],
      n: 1,
      temperature: 1,
      top_p: 1,
      top_k: -1,
      min_p: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      max_tokens: 1000,
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test('leaves extensions out for a service that knows standard parameters only', async () => {
    const { first, requests } = await scene({ reply: () => 'ok' }, { standardOnly: true });
    await first();
    expect(Object.keys(requests[0]?.body ?? {}).sort()).toEqual(
      'frequency_penalty max_completion_tokens messages model n presence_penalty stream stream_options temperature top_p'.split(
        ' ',
      ),
    );
  });

  test('gives each sample of an instance a seed of its own: with the same one all would be the same', async () => {
    const { policy, requests } = await scene({ reply: () => 'ok' }, { decoding: { ...plain, seed: 7 } });
    const conversation = { messages: [user('Hi')], turns: [] };
    const seeds: unknown[] = [];
    for (const sample of [undefined, 1, 2, 3]) {
      const answer = await policy.sample(
        { ...conversation, ...(sample === undefined ? {} : { sample }) },
        never,
      );
      seeds.push(answer === 'context_limit' ? answer : answer.decoding.seed);
    }
    expect(seeds).toEqual([7, 7, 8, 9]);
    expect(requests.map(({ body }) => body['seed'])).toEqual(seeds);
  });

  test('says that an answer was cut at its length', async () => {
    const { first } = await scene({ reply: () => 'abcdef' }, { decoding: { ...plain, maxTokens: 3 } });
    expect(await first()).toMatchObject({ text: 'abc', finishReason: 'length' });
  });

  test('takes a whole body where a stream was asked for', async () => {
    const body = JSON.stringify({
      choices: [{ message: { content: null }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 4, cost: 0.5 },
    });
    const { first } = await scene(script({ fault: 'raw', body, contentType: 'application/json' }));
    expect(await first()).toMatchObject({ text: '', usage: { promptTokens: 3, cost: 0.5 } });
  });

  test('costs what the prices say', async () => {
    const { first } = await scene({ reply: () => 'abc' }, { prices: { prompt: 0, completion: 250_000 } });
    expect(await first()).toMatchObject({ usage: { completionTokens: 4, cost: 1 } });
  });

  test('asks again after whatever may pass, until the answer is whole', async () => {
    const { first, retries } = await scene(
      script(
        ...[408, 409, 425, 429, 500, 503].map((code) => status(code)),
        ...([{ fault: 'reset' }, { fault: 'cut', text: 'half of it' }] as const),
      ),
    );
    expect(await first()).toMatchObject({ text: 'done' });
    expect(retries).toHaveLength(8);
  });

  test.each<[string, Fault]>([
    ['a stream that breaks', { fault: 'cut', text: 'half of it, and more than a chunk' }],
    ['a stream that ends before its end', { fault: 'end', text: 'half of it' }],
    ['a stream that goes silent', { fault: 'stall', text: 'half of it' }],
    ['a server that is silent', { fault: 'silent' }],
    ['no JSON', { fault: 'raw', body: 'data: {"choices": [{"del\n\n' }],
    ['no event', { fault: 'raw', body: 'what is this' }],
    ['an empty answer', { fault: 'raw', body: '' }],
    ['a page of a proxy', { fault: 'raw', body: '<html>502</html>', contentType: 'text/html' }],
    ['JSON that is no object', { fault: 'raw', body: '7', contentType: 'application/json' }],
    [
      'an answer that the service withheld',
      {
        fault: 'raw',
        body: 'data: {"choices": [{"delta": {"content": ""}, "finish_reason": "content_filter"}], "usage": {}}\n\n',
      },
    ],
    ['bytes of no text', { fault: 'raw', body: Buffer.from([0xff, 0, 0xfe, 10, 10]) }],
    [
      'an error in the stream',
      { fault: 'raw', body: 'data: {"error": {"message": "boom", "code": 500}}\n\n' },
    ],
  ])('asks again after %s, and gives up with its words', async (_, fault) => {
    const { first, retries } = await scene(script(fault));
    expect(await first()).toMatchObject({ text: 'done' });
    expect(retries).toHaveLength(1);
    const hopeless = await scene({ reply: () => fault }, { retries: 1 });
    await expect(hopeless.first()).rejects.toMatchObject({ code: 'policy_unavailable', retryable: true });
  });

  test('asks again when the answer has no usage, an odd ending or no text', async () => {
    const edits = [
      (sent: object) => ({ ...sent, usage: null }),
      (sent: object) => ({ ...sent, choices: [{ delta: {}, finish_reason: 'abort' }] }),
      (sent: object) => ({ ...sent, choices: [{ delta: { content: 7 }, finish_reason: 'stop' }] }),
      (sent: object) => ({ ...sent, choices: 'none' }),
    ];
    const { first, retries } = await scene(script(...edits.map((edit) => ({ text: 'x', edit }))));
    expect(await first()).toMatchObject({ text: 'done' });
    expect(retries.map((words) => words.replace(/.*completions: |;.*/g, ''))).toEqual([
      'the answer has no usage',
      'the answer ended with abort',
      'the answer holds no text',
      'the answer broke off before its end',
    ]);
  });

  test('waits as long as the server says, and else longer each time', async () => {
    const date = new Date(Date.now() + 9000).toUTCString();
    const { first, retries } = await scene(
      script(
        ...[status(429, 'slow', { 'retry-after': '7' }), status(503), status(503)],
        status(503, 'later', { 'retry-after': date }),
      ),
    );
    await first();
    const waits = retries.map((words) => Number(/again in (.*) s/.exec(words)?.[1]));
    expect(waits.slice(0, 3)).toEqual([7.5, 1.5, 3]);
    expect(waits[3]).toBeGreaterThan(7);
    expect(waits[3]).toBeLessThan(10);
  });

  test('gives up at once when the server wants more time than there is', async () => {
    const { first, retries } = await scene(script(status(429, 'tomorrow', { 'retry-after': '86400' })));
    await expect(first()).rejects.toMatchObject({
      code: 'policy_unavailable',
      message: expect.stringMatching(/status 429: tomorrow/),
    });
    expect(retries).toEqual([]);
  });

  test.each([400, 413, 422])(
    'says of status %i in the middle of a conversation that it is refused alone',
    async (status) => {
      const { policy, first } = await scene({
        reply: ({ turn }) => (turn === 1 ? 'hello' : { fault: 'status', status, message: 'indecent' }),
      });
      const turns = [turnOf(await first(), 1, 'Rude')];
      const messages = [user('Hi'), { role: 'assistant' as const, content: 'hello' }, user('Rude')];
      await expect(policy.sample({ messages, turns }, never)).rejects.toMatchObject({
        code: 'conversation_refused',
        message: expect.stringContaining('indecent'),
      });
    },
  );

  test.each([301, 400, 401, 402, 403, 404, 413, 422])('does not ask again after status %i', async (code) => {
    const { first, requests } = await scene({ reply: () => status(code, 'the words of the server') });
    await expect(first()).rejects.toMatchObject({
      code: 'policy_refused',
      message: expect.stringContaining('the words of the server'),
    });
    expect(requests).toHaveLength(1);
  });

  test('says which model the server does not have', async () => {
    const { first } = await scene({ reply: () => 'x' }, { model: 'gpt-0' });
    await expect(first()).rejects.toMatchObject({
      code: 'policy_refused',
      message: expect.stringMatching(/404: The model `gpt-0` does not exist/),
    });
  });

  test.each([
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).",
    'The decoder prompt (length 5951) is longer than the maximum model length of 4096.',
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    'max_tokens must be at least 1, got -186.',
    'the request exceeds the available context size',
  ])('takes a refusal for length as the end of the context: %s', async (message) => {
    const { first } = await scene({ reply: () => status(400, message) });
    expect(await first()).toBe('context_limit');
    const body = `data: ${JSON.stringify({ error: { message, code: 400 } })}\n\n`;
    const inStream = await scene({ reply: () => ({ fault: 'raw', body }) });
    expect(await inStream.first()).toBe('context_limit');
  });

  test('gives an answer only what is left of the context', async () => {
    const { policy, first } = await scene({ reply: () => 'abc' }, { contextTokens: 500 });
    const sample = await first();
    const turn = turnOf(sample, 1, 'seen');
    const messages = [user('Hi'), { role: 'assistant' as const, content: 'abc' }, user('seen')];
    const used = turn.usage.promptTokens + turn.usage.completionTokens;
    expect(sample).toMatchObject({ decoding: { maxTokens: 500 } });
    expect(await policy.sample({ messages, turns: [turn] }, never)).toMatchObject({
      decoding: { maxTokens: 500 - used },
    });
    const usage = { promptTokens: 400, completionTokens: 100 };
    expect(await policy.sample({ messages, turns: [{ ...turn, usage }] }, never)).toBe('context_limit');
  });

  test('ends at once with the reason of its signal, in whatever it waits', async () => {
    const replies: Reply[] = [
      { fault: 'silent' },
      { fault: 'stall', text: 'abc' },
      status(503, 'x', { 'retry-after': '500' }),
    ];
    for (const reply of replies) {
      const { first } = await scene({ reply: () => reply }, { stallSeconds: 10_000 });
      const stop = new AbortController();
      setTimeout(() => stop.abort(new Error('enough')), 100);
      await expect(first(stop.signal)).rejects.toThrow('enough');
    }
  });

  test('reads no answer without end', async () => {
    const body = Buffer.alloc(70 * 1024 * 1024, 'data: ');
    const { first } = await scene(
      { reply: () => ({ fault: 'raw', body }) },
      { retries: 0, stallSeconds: 10_000 },
    );
    await expect(first()).rejects.toMatchObject({
      code: 'policy_unavailable',
      message: expect.stringContaining('more than 67108864 bytes'),
    });
  });

  test('takes comments, CRLF, and a stream that stays open after its end', async () => {
    const end = `data: {"choices": [{"delta": {"content": "all"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}`;
    const { first } = await scene(
      script({ fault: 'raw', body: `: hello\r\n\r\n${end}\r\n\r\ndata: [DONE]` }),
    );
    expect(await first()).toMatchObject({ text: 'all' });
  });
});

describe('the key of a policy', () => {
  const key = 'sk-very-secret-0123456789';

  test('is shown to the server, and never in an error or a retry', async () => {
    const { first } = await scene({ reply: () => 'ok', key }, { key });
    expect(await first()).toMatchObject({ text: 'ok' });
    const wrong = await scene({ reply: () => 'ok', key: 'other' }, { key });
    const error = await wrong.first().catch((error: Error) => error);
    expect(error).toMatchObject({ code: 'policy_refused', message: expect.stringContaining('[key]') });
    expect(`${JSON.stringify(error)} ${error} ${(error as Error).stack}`).not.toContain(key);
    const passing = await scene({ reply: () => status(503, `busy with ${key}`) }, { key, retries: 1 });
    const late = await passing.first().catch((error: Error) => error);
    expect(`${passing.retries} ${late}`).not.toContain(key);
    expect(passing.retries).toHaveLength(1);
  });

  test('is not shown by half where words are cut', async () => {
    for (let length = 280; length < 400; length += 10) {
      const said = status(400, `${'x'.repeat(length)}${key}`);
      const { first } = await scene({ reply: () => said }, { key });
      expect(`${await first().catch((error: Error) => error)}`).not.toContain(key.slice(0, 6));
    }
  });

  test('is taken out of a text that repeats it, even in pieces', async () => {
    const { first } = await scene({ reply: () => `you sent ${key}, thanks`, key }, { key });
    expect(await first()).toMatchObject({ text: 'you sent [key], thanks' });
  });

  test('leaves words alone where it is a placeholder', async () => {
    const { first } = await scene({ reply: () => 'EMPTY is the list' }, { key: 'EMPTY' });
    expect(await first()).toMatchObject({ text: 'EMPTY is the list' });
  });

  test('is refused, unseen, where no header or URL may hold it', () => {
    const options = {
      baseUrl: 'http://127.0.0.1/v1',
      model: 'm',
      mode: 'chat',
      purpose: 'eval',
      decoding: plain,
      clock: testClock(),
      random: () => 0,
    } as const;
    const thrown = (extra: object) => {
      try {
        openAiPolicy({ ...options, ...extra });
      } catch (error) {
        return `${error}`;
      }
      return '';
    };
    for (const extra of [
      { key: 's3cret\n' },
      { key: '' },
      { baseUrl: 'http://u:s3cret@127.0.0.1/v1' },
      { baseUrl: 'http://127.0.0.1/v1?key=s3cret' },
      { baseUrl: 's3cret' },
      { baseUrl: 'file:///s3cret' },
    ]) {
      expect(thrown(extra)).toMatch(/AssayError: /);
      expect(thrown(extra)).not.toContain('s3cret');
    }
  });
});

test('an unreachable server is named, with what the connection says', async () => {
  const { url, close } = await startPolicyServer({ reply: () => 'x' });
  await close();
  const { first } = await scene({ reply: () => 'x' }, { baseUrl: url, retries: 0 });
  await expect(first()).rejects.toMatchObject({
    code: 'policy_unavailable',
    message: expect.stringMatching(/127.0.0.1:\d+\/v1\/chat\/completions: fetch failed: .*ECONNREFUSED/),
  });
});
