import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { toAssayError } from '../errors.js';
import { ScoreRequest, ScoreResponse } from '../model/score.js';
import type { RewardRule } from '../reward/rewards.js';
import { type Catalogue, taskOf } from '../run/task.js';
import { type Clock, within } from '../util/clock.js';
import { type Body, bodyOf, lateBody, rewardingOf } from './answer.js';
import type { Clients } from './clients.js';
import { ErrorBody, errorBody, RETRY_AFTER } from './failures.js';
import type { Oracle } from './oracle.js';

export interface ScoreOptions {
  readonly oracle: Oracle;
  readonly catalogue: Catalogue;
  readonly rewards: ReadonlyMap<string, RewardRule>;
  readonly clock: Clock;
  readonly clients: Clients;
}

/** Most requests of a batch. */
const BATCH = 4096;

const BatchRequest = Type.Object(
  { requests: Type.Array(ScoreRequest, { minItems: 1, maxItems: BATCH }) },
  { additionalProperties: false },
);

export async function scoreRoutes(app: FastifyInstance, options: ScoreOptions): Promise<void> {
  const { clients } = options;
  const errors = { '4xx': ErrorBody, 500: ErrorBody };
  app.post<{ Body: ScoreRequest }>(
    '/v1/score',
    {
      schema: {
        summary: 'The reward of a patch, when its verdict is there',
        body: ScoreRequest,
        response: { 200: ScoreResponse, 503: Type.Union([ScoreResponse, ErrorBody]), ...errors },
      },
    },
    (request, reply) =>
      clients.waiting(request, async () =>
        send(reply, await score(request.body, clients.nameOf(request), options)),
      ),
  );
  app.post<{ Body: { requests: readonly ScoreRequest[] } }>(
    '/v1/score/batch',
    {
      schema: {
        summary:
          'Rewards of many patches, each as soon as it is there: JSON lines, or server-sent events where the client asks for them',
        body: BatchRequest,
        response: {
          200: {
            description: 'One object for each request, with its `index`: an answer, or an error',
            content: {
              'application/x-ndjson': { schema: Type.Unknown() },
              'text/event-stream': { schema: Type.Unknown() },
            },
          },
          ...errors,
        },
      },
    },
    async (request, reply) => {
      const isEvents = request.headers.accept?.includes('text/event-stream') === true;
      const wrap = isEvents
        ? (json: string) => `event: result\ndata: ${json}\n\n`
        : (json: string) => `${json}\n`;
      const lines = inOrderOfEnd(
        request.body.requests.map(async (one, index) => {
          const json = await clients
            .waiting(request, () => score(one, clients.nameOf(request), options))
            .then(
              ({ json }) => json.toString(),
              (error: unknown) => JSON.stringify(errorBody(toAssayError(error))),
            );
          return wrap(`{"index":${index},${json.slice(1)}`);
        }),
      );
      return reply
        .type(isEvents ? 'text/event-stream' : 'application/x-ndjson')
        .header('cache-control', 'no-store')
        .send(Readable.from(lines));
    },
  );
}

/** Rejects with what is wrong with the request; a fault of the machine is an answer. */
async function score(
  request: ScoreRequest,
  client: string,
  { oracle, catalogue, rewards, clock }: ScoreOptions,
): Promise<Body> {
  const from = clock.now();
  const rewarding = rewardingOf(request, rewards);
  const task = taskOf(catalogue, request);
  const { key } = task;
  const { answer: pending } = await oracle.take(task, client);
  const { deadline } = request;
  const answer = await (deadline === undefined ? pending : within(pending, deadline * 1000, clock));
  if (answer !== undefined)
    return bodyOf(answer, rewarding, { key, totalSeconds: (clock.now() - from) / 1000 });
  return lateBody(deadline ?? 0, { key, phase: (await oracle.look(key))?.phase ?? 'queue' });
}

/** Sends a body: what should be asked again as 503, so that clients that know HTTP alone do so. */
export function send(reply: FastifyReply, { json, isRetryable }: Body): FastifyReply {
  if (isRetryable) void reply.code(503).header('retry-after', RETRY_AFTER);
  return reply.type('application/json; charset=utf-8').send(json);
}

/** Results in the order in which they come, of promises that don't fail. */
async function* inOrderOfEnd<T>(promises: readonly Promise<T>[]): AsyncGenerator<T> {
  const ended: T[] = [];
  let wake = () => {};
  for (const promise of promises)
    void promise.then((value) => {
      ended.push(value);
      wake();
    });
  for (let given = 0; given < promises.length; given++) {
    if (ended.length <= given)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    yield ended[given] as T;
  }
}
