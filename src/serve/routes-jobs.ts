import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { AssayError } from '../errors.js';
import { JobState, ScoreRequest, ScoreResponse } from '../model/score.js';
import { taskOf } from '../run/task.js';
import { within } from '../util/clock.js';
import { bodyOf, rewardingOf } from './answer.js';
import { ErrorBody } from './failures.js';
import type { Standing } from './oracle.js';
import { type ScoreOptions, send } from './routes-score.js';

/** Longest time that a request for a job's answer may be held open, in seconds. */
const MOST_WAIT = 300;

/** Numbers stand as text in a URL. */
const Number_ = Type.String({ pattern: '^[0-9]{1,9}$' });
const JobQuery = Type.Object(
  {
    wait: Type.Optional(Number_),
    reward: Type.Optional(Type.String({ maxLength: 64 })),
    strict: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
    turns: Type.Optional(Number_),
    max_turns: Type.Optional(Number_),
    turn_threshold: Type.Optional(Number_),
  },
  { additionalProperties: false },
);
type JobQuery = Static<typeof JobQuery>;

const PrepareRequest = Type.Object(
  {
    instance_ids: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 1024,
      description: 'once for each container that will be needed',
    }),
  },
  { additionalProperties: false },
);
const Prepared = Type.Object({ started: Type.Integer(), refused: Type.Integer() });

/** Answers that nobody waits for, and what is announced. */
export async function jobRoutes(app: FastifyInstance, options: ScoreOptions): Promise<void> {
  const { oracle, catalogue, rewards, clock, clients } = options;
  /** Those that count as what their client waits for. */
  const counted = new WeakSet<Standing>();
  const errors = { '4xx': ErrorBody, '5xx': ErrorBody };
  app.post<{ Body: ScoreRequest }>(
    '/v1/jobs',
    {
      schema: {
        summary: 'Begins a grading that nobody waits for; the same request again names the same job',
        body: ScoreRequest,
        response: { 202: JobState, ...errors },
      },
    },
    async (request, reply) => {
      const { body } = request;
      rewardingOf(body, rewards);
      const task = taskOf(catalogue, body);
      const leave = clients.enter(request);
      const now = await oracle.take(task, clients.nameOf(request)).catch((error: unknown) => {
        leave();
        throw error;
      });
      if (counted.has(now)) leave();
      else void now.answer.then(leave);
      counted.add(now);
      return reply.code(202).send(stateOf(now, task.key, urlOf(task.key, body)));
    },
  );
  app.get<{ Params: { key: string }; Querystring: JobQuery }>(
    '/v1/jobs/:key',
    {
      schema: {
        summary: 'The answer of a job, or where it stands; `wait` holds the request open for so many seconds',
        params: Type.Object({ key: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
        querystring: JobQuery,
        response: { 200: ScoreResponse, 202: JobState, ...errors },
      },
    },
    async ({ params: { key }, query, url }, reply) => {
      const from = clock.now();
      const rewarding = rewardingOf(asRequest(query), rewards);
      const now = await oracle.look(key);
      if (now === undefined) throw new AssayError('unknown_job', `no job ${key}`);
      const seconds = Math.min(Number(query.wait ?? 0), MOST_WAIT);
      const answer =
        now.status === 'done' ? await now.answer : await within(now.answer, seconds * 1000, clock);
      if (answer !== undefined)
        return send(reply, bodyOf(answer, rewarding, { key, totalSeconds: (clock.now() - from) / 1000 }));
      return reply.code(202).send(stateOf((await oracle.look(key)) ?? now, key, url));
    },
  );
  app.post<{ Body: Static<typeof PrepareRequest> }>(
    '/v1/prepare',
    {
      schema: {
        summary: 'Announces instances: their containers are started before patches come',
        body: PrepareRequest,
        response: { 202: Prepared, ...errors },
      },
    },
    async ({ body }, reply) => {
      const tasks = body.instance_ids.map((id) => taskOf(catalogue, { instance_id: id, patch: null }));
      const started = tasks.filter((task) => oracle.prepare(task)).length;
      return reply.code(202).send({ started, refused: tasks.length - started });
    },
  );
}

function stateOf({ status, phase }: Standing, key: string, url: string): JobState {
  return { key, status, ...(phase === undefined ? {} : { phase }), url };
}

/** What makes the reward travels in the URL: the job itself is about the verdict alone. */
function urlOf(key: string, { reward, strict, turns, max_turns, turn_threshold }: ScoreRequest): string {
  const given = Object.entries({ reward, strict, turns, max_turns, turn_threshold });
  const query = new URLSearchParams(
    given.flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, String(value)]],
    ),
  ).toString();
  return `/v1/jobs/${key}${query === '' ? '' : `?${query}`}`;
}

function asRequest({ reward, strict, turns, max_turns, turn_threshold }: JobQuery): ScoreRequest {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  return {
    patch: null,
    reward,
    strict: strict !== 'false',
    turns: number(turns),
    max_turns: number(max_turns),
    turn_threshold: number(turn_threshold),
  };
}
