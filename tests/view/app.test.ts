import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { AssayError } from '../../src/errors.js';
import { createViewApp, type Views } from '../../src/view/app.js';

const none = async () => undefined;
const VIEWS: Views = {
  list: async () => [{ name: 'a' }],
  page: async (run) => (run === 'a/b' ? { kind: 'run' } : undefined),
  comparison: async (runs) => ({ runs }),
  attempt: async (_run, id, attempt) => ({ id, attempt }),
  episode: none,
  log: async () => Readable.from(['line 1\n', '<script>']),
  version: none,
};

let app: FastifyInstance;
function appWith(
  views: Partial<Views> = {},
  after = (_ms: number, _fire: () => void) => () => {},
): FastifyInstance {
  app = createViewApp({
    views: { ...VIEWS, ...views },
    html: '<p>page</p>',
    bundle: { script: 'script', style: 'style' },
    hosts: new Set(['localhost']),
    clock: { now: () => 0, iso: () => '', after },
  });
  return app;
}
afterEach(() => app.close());

describe('the server of assay view', () => {
  it('serves the page under a policy that lets nothing but its own script run', async () => {
    const { body, headers } = await appWith().inject({ url: '/', headers: { host: 'localhost:7700' } });
    expect(body).toBe('<p>page</p>');
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('refuses to be asked under the name of another site', async () => {
    const { statusCode, body } = await appWith().inject({
      url: '/api/runs',
      headers: { host: 'evil.example' },
    });
    expect(statusCode).toBe(403);
    expect(body).not.toContain('"name"');
  });

  it('decodes names of runs, and says 404 where there is none', async () => {
    const server = appWith();
    const found = await server.inject('/api/runs/a%2Fb');
    expect(found.json()).toEqual({ kind: 'run' });
    expect((await server.inject('/api/runs/c')).statusCode).toBe(404);
    expect((await server.inject('/api/runs/a/episodes/x/1')).statusCode).toBe(404);
    expect((await server.inject('/api/compare?run=a&run=b')).json()).toEqual({ runs: ['a', 'b'] });
  });

  it('sends a log as plain text, whatever it looks like', async () => {
    const { headers, body } = await appWith().inject('/api/runs/a/attempts/x/1/logs/test');
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body).toBe('line 1\n<script>');
  });

  it('says what is wrong with a damaged run, and what to do', async () => {
    const server = appWith({
      page: () => Promise.reject(new AssayError('run_damaged', 'verdict.json is not JSON')),
    });
    const { statusCode, body } = await server.inject('/api/runs/a');
    expect(statusCode).toBeGreaterThanOrEqual(400);
    expect(body).toContain('verdict.json is not JSON -> ');
  });

  it('tells a browser each time that a run has something new, and only then', async () => {
    const versions = ['1', '1', '2', '3', '3'];
    const fires: (() => void)[] = [];
    const server = appWith({ version: async () => versions.shift() }, (_ms, fire) => {
      fires.push(fire);
      return () => {};
    });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const stop = new AbortController();
    const response = await fetch(`${url.replace('127.0.0.1', 'localhost')}/api/runs/a/events`, {
      signal: stop.signal,
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes('data: 3')) {
      fires.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (versions.length < 3 || text === '') text += decoder.decode((await reader.read()).value);
    }
    expect(text.match(/data: \d/g)).toEqual(['data: 2', 'data: 3']);
    stop.abort();
    await reader.cancel().catch(() => undefined);
  });
});
