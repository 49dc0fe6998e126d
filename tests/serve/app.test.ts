import { afterEach, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import type { ScoreResponse } from '../../src/model/score.js';
import { REWARDS } from '../../src/reward/rewards.js';
import { type AppOptions, createApp } from '../../src/serve/app.js';
import { createMetrics } from '../../src/serve/metrics.js';
import { testClock } from '../helpers/jobs.js';
import { catalogue, settle, testVerdict, type World, world } from './fakes.js';

const apps: FastifyInstance[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

const ready = {
  ready: true,
  ...Object.fromEntries(['engine', 'disk', 'images'].map((name) => [name, { ok: true, message: 'fine' }])),
};

async function service(options: Partial<AppOptions> = {}, around: World = world()) {
  const metrics = createMetrics(() => around.oracle.counts());
  const app = await createApp({
    oracle: around.oracle,
    catalogue,
    rewards: REWARDS,
    metrics,
    ready: async () => ready as Awaited<ReturnType<AppOptions['ready']>>,
    clock: testClock(),
    version: '0',
    bodyLimit: 10_000,
    clientConcurrency: 100,
    ...options,
  });
  apps.push(app);
  const post = async (url: string, payload: object, headers: Record<string, string> = {}) => {
    const response = await app.inject({ method: 'POST', url, payload, headers });
    return {
      ...response,
      json: () =>
        response.json<
          ScoreResponse & {
            readonly error: { readonly code: string; readonly message: string; readonly fix: string };
          }
        >(),
      body: response.body,
      statusCode: response.statusCode,
      headers: response.headers,
    };
  };
  /** Asks for a score whose grading ends as given. */
  const scored = async (found = testVerdict(), more: object = {}) => {
    const waiting = post('/v1/score', { instance_id: 'a', patch: 'x', ...more });
    await around.held.end('x', found);
    return waiting;
  };
  return { app, post, scored, ...around };
}

const infra = testVerdict({ outcome: 'infra_error', reason: 'engine_failed', phase: 'start', tries: 3 });

describe('POST /v1/score', () => {
  test('answers with reward, verdict, test lists and timings', async () => {
    const { scored } = await service();
    const response = await scored(testVerdict(), { strict: false });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      status: 'scored',
      reward: 1,
      failure: null,
      verdict: testVerdict(),
      tests: testVerdict().tests,
      timings: { total: expect.any(Number), queue: expect.any(Number), start: 0.25, test: 2 },
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
      cached: false,
    });
  });

  test('answers a fault of the machine with 503, no reward, and when to ask again', async () => {
    const response = await (await service()).scored(infra);
    expect(response.statusCode).toBe(503);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect(response.json()).toMatchObject({
      status: 'unscorable',
      reward: null,
      failure: { class: 'infra', code: 'engine_failed', phase: 'start', retryable: true, attempts: 3 },
    });
  });

  test('answers what no further try will mend with 200, and no reward', async () => {
    const response = await (await service()).scored(
      testVerdict({ outcome: 'infra_error', reason: 'image_missing' }),
    );
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      status: 'unscorable',
      reward: null,
      failure: { retryable: false },
    });
  });

  test('gives other rewards of the same verdict', async () => {
    const { post, scored, held } = await service();
    await scored(testVerdict(), { strict: false });
    for (const [name, more, expected] of [
      ['signed', {}, 1],
      ['fraction', {}, 1],
      ['turn_penalty', { turns: 25, max_turns: 40 }, 0.5],
    ] as const) {
      const response = await post('/v1/score', {
        instance_id: 'a',
        patch: 'x',
        strict: false,
        reward: name,
        ...more,
      });
      expect(response.json()).toMatchObject({ reward: expected, cached: true });
    }
    expect(held.graded).toHaveLength(1);
  });

  test('is over at the deadline of the client, and the grading goes on', async () => {
    const { post, held } = await service();
    const late = await post('/v1/score', { instance_id: 'a', patch: 'x', strict: false, deadline: 0.05 });
    expect(late.statusCode).toBe(503);
    expect(late.json()).toMatchObject({
      status: 'unscorable',
      reward: null,
      failure: { code: 'late', phase: 'test', retryable: true },
    });
    await held.end('x');
    await settle();
    expect((await post('/v1/score', { instance_id: 'a', patch: 'x', strict: false })).json()).toMatchObject({
      reward: 1,
      cached: true,
    });
  });

  test.each([
    [{ instance_id: 'zz', patch: 'x' }, 404, 'unknown_instance'],
    [{ instance_id: 'a' }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 7 }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x', colour: 'red' }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x', strict: 'yes' }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x', reward: 'nope' }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x', reward: 'turn_penalty' }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x', deadline: 0 }, 400, 'bad_request'],
    [{ instance_id: 'a', patch: 'x'.repeat(20_000) }, 413, 'bad_request'],
  ])('refuses bad requests, case %#, and says why', async (request, status, code) => {
    const { post, held } = await service();
    const response = await post('/v1/score', request);
    expect(response.statusCode).toBe(status);
    expect(response.json().error).toEqual({
      code,
      message: expect.any(String),
      fix: expect.any(String),
      retryable: false,
    });
    expect(held.graded).toEqual([]);
  });

  test('refuses more than may wait, and says when to come back', async () => {
    const { post } = await service({}, world({ workers: 1, maxQueue: 1 }));
    const ask = (patch: string) => post('/v1/score', { instance_id: 'a', patch, deadline: 0.02 });
    await Promise.all([ask('1'), ask('2')]);
    const response = await ask('3');
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBeDefined();
    expect(response.json().error.code).toBe('queue_full');
  });

  test('does not let one client wait for more than it may', async () => {
    const { post } = await service({ clientConcurrency: 2 });
    const ask = () => post('/v1/score', { instance_id: 'a', patch: 'x', deadline: 0.1 });
    const codes = (await Promise.all([ask(), ask(), ask()])).map(({ statusCode }) => statusCode);
    expect([...codes].sort()).toEqual([429, 503, 503]);
    expect((await ask()).json().failure?.code).toBe('late');
  });
});

describe('POST /v1/score/batch', () => {
  test.each([
    ['application/x-ndjson', 'application/json', (body: string) => body.trim().split('\n')],
    [
      'text/event-stream',
      'text/event-stream',
      (body: string) => body.split('\n').flatMap((line) => /^data: (.*)/.exec(line)?.[1] ?? []),
    ],
  ])('streams %s as gradings end, errors among them', async (type, accept, linesOf) => {
    const { post, held } = await service();
    const requests = [
      { instance_id: 'a', patch: '1', strict: false },
      { instance_id: 'zz', patch: '2' },
      { instance_id: 'a', patch: '3', strict: false },
    ];
    const waiting = post('/v1/score/batch', { requests }, { accept });
    await held.end('3', testVerdict({ outcome: 'unresolved' }));
    await settle();
    await held.end('1', infra);
    const response = await waiting;
    expect(response.headers['content-type']).toContain(type);
    const lines = linesOf(response.body).map((line) => JSON.parse(line) as object);
    expect(lines).toMatchObject([
      { index: 1, error: { code: 'unknown_instance' } },
      { index: 2, status: 'scored', reward: 0 },
      { index: 0, status: 'unscorable', reward: null },
    ]);
  });
});

describe('jobs', () => {
  test('are begun at once, and asked for with or without a wait; the same request names the same job', async () => {
    const { app, post, held } = await service();
    const request = { instance_id: 'a', patch: 'x', strict: false, reward: 'signed' };
    const begun = await post('/v1/jobs', request);
    expect(begun.statusCode).toBe(202);
    const { key, status, url } = JSON.parse(begun.body) as { key: string; status: string; url: string };
    expect([status, url]).toEqual(['running', `/v1/jobs/${key}?reward=signed&strict=false`]);
    expect(JSON.parse((await post('/v1/jobs', request)).body)).toMatchObject({ key, url });
    const now = await app.inject(url);
    expect([now.statusCode, now.json()]).toEqual([202, { key, status: 'running', phase: 'test', url }]);
    const waiting = app.inject(`${url}&wait=10`);
    await settle();
    await held.end('x', testVerdict({ outcome: 'unresolved' }));
    expect((await waiting).json()).toMatchObject({ status: 'scored', reward: -1, key });
    expect((await app.inject(url)).json()).toMatchObject({ reward: -1 });
    expect(held.graded).toEqual(['x']);
  });

  test('that nobody began are unknown', async () => {
    const { app } = await service();
    const response = await app.inject(`/v1/jobs/${'0'.repeat(64)}`);
    expect([response.statusCode, response.json()]).toMatchObject([404, { error: { code: 'unknown_job' } }]);
    expect((await app.inject('/v1/jobs/..%2f..%2fetc')).statusCode).toBe(400);
  });
});

describe('access', () => {
  const tokens = new Map([
    ['s3cret', 'alice'],
    ['other', 'bob'],
  ]);

  test('needs a known token, but for probes', async () => {
    const { app, post } = await service({ tokens });
    const ask = (headers: Record<string, string>) =>
      post('/v1/score', { instance_id: 'zz', patch: 'x' }, headers);
    for (const headers of [
      {},
      { authorization: 's3cret' },
      { authorization: 'Bearer nope' },
      { authorization: 'Bearer ' },
      { authorization: 'Basic s3cret' },
    ]) {
      const response = await ask(headers as Record<string, string>);
      expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    }
    expect((await ask({ authorization: 'Bearer s3cret' })).statusCode).toBe(404);
    for (const url of ['/metrics', '/openapi.json', '/v1/nothing'])
      expect((await app.inject(url)).statusCode).toBe(401);
    for (const url of ['/healthz', '/readyz']) expect((await app.inject(url)).statusCode).toBe(200);
  });

  test('is limited for each client by itself', async () => {
    const { post } = await service({ tokens, rate: { count: 2, milliseconds: 60_000 } });
    const ask = async (token: string) =>
      (await post('/v1/score', { instance_id: 'zz', patch: 'x' }, { authorization: `Bearer ${token}` }))
        .statusCode;
    expect([await ask('s3cret'), await ask('s3cret'), await ask('s3cret'), await ask('other')]).toEqual([
      404, 404, 429, 404,
    ]);
  });
});

describe('what operators ask', () => {
  test('/readyz is 503 when gradings cannot be done', async () => {
    const not = { ...ready, ready: false } as Awaited<ReturnType<AppOptions['ready']>>;
    const { app } = await service({ ready: async () => not });
    expect((await app.inject('/readyz')).statusCode).toBe(503);
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' });
  });

  test('/openapi.json describes every route and its schemas', async () => {
    const { app } = await service();
    const { paths, openapi } = (await app.inject('/openapi.json')).json<{
      openapi: string;
      paths: Record<string, object>;
    }>();
    expect(openapi).toMatch(/^3\./);
    expect(Object.keys(paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/openapi.json',
      '/readyz',
      '/v1/jobs',
      '/v1/jobs/{key}',
      '/v1/prepare',
      '/v1/score',
      '/v1/score/batch',
    ]);
    expect(JSON.stringify(paths['/v1/score'])).toContain('turn_threshold');
  });

  test('/metrics counts hits, outcomes and faults', async () => {
    const around = world();
    const metrics = createMetrics(() => around.oracle.counts());
    const { app } = await service({ metrics }, around);
    for (const event of [
      { type: 'hit', from: 'memory' },
      { type: 'hit', from: 'memory' },
    ] as const)
      metrics.onEvent(event);
    const text = (await app.inject('/metrics')).body;
    expect(text).toContain('assay_cache_hits_total{from="memory"} 2');
    expect(text).toContain('assay_queue_depth 0');
    expect(text).toContain('process_resident_memory_bytes');
  });
});
