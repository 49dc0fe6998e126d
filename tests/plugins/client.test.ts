import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createClient } from '../../plugins/oracles/client.js';

type Reply = (response: ServerResponse) => void;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const scored = json(200, { status: 'scored', reward: 1, failure: null });
const failure = {
  class: 'infra',
  code: 'engine_failed',
  phase: 'test',
  message: 'gone',
  retryable: true,
  attempts: 3,
};
const broken = json(503, { status: 'unscorable', reward: null, failure }, { 'retry-after': '7' });
const hopeless = json(200, { status: 'unscorable', reward: null, failure: { ...failure, retryable: false } });
const refused = (status: number, code: string) => json(status, { error: { code, message: 'no', fix: 'so' } });

/** Asks a service that gives these replies in turn, the last one from then on. */
async function ask(replies: readonly Reply[], retries = 3) {
  let requests = 0;
  const waits: number[] = [];
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    const reply = replies[Math.min(requests++, replies.length - 1)] as Reply;
    request.resume().on('end', () => reply(response));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pause = async (seconds: number) => void waits.push(seconds);
  const client = createClient({ url, token: 's3cret', retries, pause });
  const answer = client.score({ instance_id: 'a', patch: 'x' });
  return { answer, requests: () => requests, waits, seen };
}

describe('the client for TypeScript', () => {
  test('gives the answer, and shows its token', async () => {
    const { answer, seen } = await ask([scored]);
    expect(await answer).toMatchObject({ status: 'scored', reward: 1 });
    expect(seen).toEqual(['Bearer s3cret']);
  });

  test('asks again as the service says, and else after longer and longer waits', async () => {
    const { answer, waits } = await ask([broken, json(500, {}), refused(429, 'client_busy'), scored]);
    expect(await answer).toMatchObject({ reward: 1 });
    expect(waits).toEqual([7, 2, 4]);
  });

  test.each<[string, Reply]>([
    ['a connection that is cut', (response) => response.destroy()],
    [
      'a body that is cut',
      (response) =>
        void response.writeHead(200, { 'content-length': 50 }).write('{"status"', () => response.destroy()),
    ],
    ['another service', json(200, { hello: 'world' })],
    ['a reward without a status', json(200, { reward: 0 })],
    ['a reward that is none', json(200, { status: 'scored', reward: null })],
    ['a machine that stays broken', broken],
    ['a service that stops', refused(503, 'draining')],
  ])('%s is unscorable in the end, never a reward', async (_, reply) => {
    const { answer, requests } = await ask([reply]);
    expect(await answer).toMatchObject({ status: 'unscorable', reward: null, failure: { retryable: true } });
    expect(requests()).toBe(4);
  });

  test('takes a failure that stays for what it is at once', async () => {
    const { answer, requests } = await ask([hopeless]);
    expect(await answer).toMatchObject({ status: 'unscorable', reward: null });
    expect(requests()).toBe(1);
  });

  test.each([
    [400, 'bad_request'],
    [401, 'unauthorized'],
    [404, 'unknown_instance'],
  ])('rejects what the service refuses with %i', async (status, code) => {
    const { answer } = await ask([refused(status, code)]);
    await expect(answer).rejects.toMatchObject({ name: 'RequestError', status, code });
  });
});
