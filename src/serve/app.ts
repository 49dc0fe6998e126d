import { fastifyRateLimit } from '@fastify/rate-limit';
import { fastifySwagger } from '@fastify/swagger';
import fastify, { type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { AssayError } from '../errors.js';
import type { RewardRule } from '../reward/rewards.js';
import type { Catalogue } from '../run/task.js';
import type { Clock } from '../util/clock.js';
import { clientsOf } from './clients.js';
import { errorBody, errorHandler } from './failures.js';
import type { Metrics } from './metrics.js';
import type { Oracle } from './oracle.js';
import type { Readiness } from './ready.js';
import { healthRoutes } from './routes-health.js';
import { jobRoutes } from './routes-jobs.js';
import { scoreRoutes } from './routes-score.js';

export interface AppOptions {
  readonly oracle: Oracle;
  readonly catalogue: Catalogue;
  readonly rewards: ReadonlyMap<string, RewardRule>;
  readonly metrics: Metrics;
  readonly ready: () => Promise<Readiness>;
  readonly clock: Clock;
  readonly version: string;
  /** Names of clients by their tokens; undefined: anybody who reaches the service may use it. */
  readonly tokens?: ReadonlyMap<string, string>;
  /** Most bytes of a request. */
  readonly bodyLimit: number;
  /** Most requests of one client in so many milliseconds. */
  readonly rate?: { readonly count: number; readonly milliseconds: number };
  /** Most answers that one client waits for at once. */
  readonly clientConcurrency: number;
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Where log lines go, one JSON object each; undefined: nowhere. */
  readonly log?: { readonly level: string; readonly write: (line: string) => void };
}

/** A client has this long to send a request; an answer may take longer. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;

/** The service over HTTP. Its routes are described at `/openapi.json`. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { tls, log } = options;
  const app = fastify({
    bodyLimit: options.bodyLimit,
    requestTimeout: REQUEST_MS,
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: HEADERS_MS / 2 },
    // A client that is closed between two requests would take the answer for a reset.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 100 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    logger: log === undefined ? false : { level: log.level, stream: { write: log.write } },
    // A line for each grading says more than two for each request.
    logController: new LogController({ disableRequestLogging: true }),
    ...(tls === undefined ? {} : { https: secured(tls) }),
  }) as FastifyInstance;
  app.setErrorHandler(errorHandler);
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url.slice(0, 100)}`;
    return reply.code(404).send(errorBody(new AssayError('bad_request', message)));
  });
  await app.register(fastifySwagger, {
    openapi: {
      info: { title: 'assay', description: 'Verdicts of patches as rewards', version: options.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: options.tokens === undefined ? [] : [{ token: [] }],
    },
  });
  const clients = clientsOf(options);
  app.addHook('onRequest', async (request) => {
    if (!isOpen(request)) clients.check(request);
  });
  if (options.rate !== undefined)
    await app.register(fastifyRateLimit, {
      max: options.rate.count,
      timeWindow: options.rate.milliseconds,
      hook: 'preHandler',
      keyGenerator: clients.nameOf,
      allowList: isOpen,
      errorResponseBuilder: (_, { after }) =>
        new AssayError('rate_limited', `more requests than this client may send; the next one in ${after}`),
    });
  await app.register(healthRoutes, options);
  await app.register(scoreRoutes, { ...options, clients });
  await app.register(jobRoutes, { ...options, clients });
  return app;
}

/** What a probe asks before it has a token. */
function isOpen({ url }: FastifyRequest): boolean {
  return url === '/healthz' || url === '/readyz';
}

function secured({ cert, key, clientCa }: NonNullable<AppOptions['tls']>) {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2' as const,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}
