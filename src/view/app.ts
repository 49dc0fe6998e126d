import { Readable } from 'node:stream';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type AssayError, toAssayError } from '../errors.js';
import type { Clock } from '../util/clock.js';

/** What the server shows; `undefined` where there is no such thing. */
export interface Views {
  /** One entry per run. */
  readonly list: () => Promise<readonly unknown[]>;
  /** The data of a run's page. */
  readonly page: (run: string) => Promise<unknown>;
  readonly comparison: (runs: readonly string[]) => Promise<unknown>;
  readonly attempt: (run: string, instanceId: string, attempt: number) => Promise<unknown>;
  readonly episode: (run: string, instanceId: string, sample: number) => Promise<unknown>;
  /** Text of a log, unpacked. */
  readonly log: (
    run: string,
    instanceId: string,
    attempt: number,
    name: string,
  ) => Promise<Readable | undefined>;
  /** Changes whenever the page of the run has something new. */
  readonly version: (run: string) => Promise<string | undefined>;
}

export interface ViewOptions {
  readonly views: Views;
  readonly html: string;
  readonly bundle: { readonly script: string; readonly style: string };
  /** Names by which a browser may ask for this server; undefined: any. A page elsewhere could else reach it by a name of its own. */
  readonly hosts: ReadonlySet<string> | undefined;
  readonly clock: Clock;
}

/** Between two looks at a run that is followed. */
const LOOK_MS = 1000;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

type Params = { readonly run: string; readonly id: string; readonly attempt: string; readonly log: string };

/** The application of reports over HTTP, read-only. */
export function createViewApp({ views, html, bundle, hosts, clock }: ViewOptions): FastifyInstance {
  const app = fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 300 } });
  app.addHook('onRequest', async (request, reply) => {
    if (hosts !== undefined && !hosts.has(request.hostname))
      return reply.code(403).send({ error: `no server of the name ${request.hostname}` });
    reply.headers({
      'content-security-policy': POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
  });
  app.setErrorHandler((thrown, _request, reply) => {
    const error = toAssayError(thrown);
    return reply.code(statusOf(error)).send({ error: `${error.message} -> ${error.fix}` });
  });
  const asset = (path: string, type: string, content: string) =>
    app.get(path, (_request, reply) => reply.type(type).send(content));
  asset('/', 'text/html; charset=utf-8', html);
  asset('/app.js', 'text/javascript; charset=utf-8', bundle.script);
  asset('/app.css', 'text/css; charset=utf-8', bundle.style);

  app.get('/api/runs', async () => views.list());
  app.get<{ Querystring: { readonly run?: string | readonly string[] } }>(
    '/api/compare',
    async ({ query }, reply) => found(reply, await views.comparison([query.run ?? []].flat())),
  );
  app.get<{ Params: Params }>('/api/runs/:run', async ({ params }, reply) =>
    found(reply, await views.page(params.run)),
  );
  app.get<{ Params: Params }>('/api/runs/:run/attempts/:id/:attempt', async ({ params }, reply) =>
    found(reply, await views.attempt(params.run, params.id, Number(params.attempt))),
  );
  app.get<{ Params: Params }>('/api/runs/:run/episodes/:id/:attempt', async ({ params }, reply) =>
    found(reply, await views.episode(params.run, params.id, Number(params.attempt))),
  );
  app.get<{ Params: Params }>('/api/runs/:run/attempts/:id/:attempt/logs/:log', async ({ params }, reply) => {
    const log = await views.log(params.run, params.id, Number(params.attempt), params.log);
    return found(reply.type('text/plain; charset=utf-8'), log);
  });
  app.get<{ Params: Params }>('/api/runs/:run/events', (request, reply) =>
    follow(request.params.run, request, reply),
  );
  return app;

  /** Server-sent events: one whenever there is something new, as long as the browser listens. */
  function follow(run: string, request: FastifyRequest, reply: FastifyReply) {
    const stream = new Readable({ read: () => undefined });
    let cancel = () => {};
    let before: string | undefined;
    const look = async () => {
      const version = await views.version(run).catch(() => undefined);
      if (before !== undefined && version !== before) stream.push(`data: ${version ?? ''}\n\n`);
      before = version;
      if (!stream.destroyed) cancel = clock.after(LOOK_MS, () => void look());
    };
    request.raw.on('close', () => {
      cancel();
      stream.destroy();
    });
    stream.push(': following\n\n');
    void look();
    return reply.type('text/event-stream').send(stream);
  }
}

function found(reply: FastifyReply, value: unknown): FastifyReply {
  return value === undefined
    ? reply.code(404).send({ error: 'there is no such thing here (any more)' })
    : reply.send(value);
}

function statusOf({ class: fault, code }: AssayError): number {
  if (code === 'run_not_found') return 404;
  return fault === 'input' ? 400 : 500;
}
