import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Metrics } from './metrics.js';
import { Readiness } from './ready.js';

interface HealthOptions {
  readonly metrics: Metrics;
  readonly ready: () => Promise<Readiness>;
}

/** What an operator's tools ask. */
export async function healthRoutes(app: FastifyInstance, { metrics, ready }: HealthOptions): Promise<void> {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'The process lives',
        response: { 200: Type.Object({ status: Type.Literal('ok') }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Gradings can be done now: engine, disk, images',
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_, reply) => {
      const found = await ready();
      return reply.code(found.ready ? 200 : 503).send(found);
    },
  );
  app.get('/metrics', { schema: { summary: 'For Prometheus' } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
  app.get('/openapi.json', { schema: { summary: 'This interface' } }, async () => app.swagger());
}
