import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** May answer a request in its own way; returns true when it did. */
type Mischief = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export interface FakeHub {
  readonly endpoint: string;
  /** Method and path of each request so far. */
  readonly requests: string[];
  /** Files by path; change them between requests as a push would. */
  readonly files: Map<string, Buffer>;
  commit: string;
  mischief: Mischief;
  close(): Promise<void>;
}

/** A loopback server that speaks as much of the Hub's API as a dataset download needs. */
export async function startFakeHub(files: Readonly<Record<string, string | Buffer>>): Promise<FakeHub> {
  const hub = {
    endpoint: '',
    requests: [] as string[],
    files: new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)])),
    commit: 'a'.repeat(40),
    mischief: () => false,
    close: async () => {},
  } as FakeHub & { endpoint: string; close: () => Promise<void> };
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '');
    hub.requests.push(`${request.method} ${path}`);
    if (hub.mischief(request, response, hub.requests.length)) return;
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const info = /^\/api\/datasets\/demo\/adder\/revision\/(.+)$/.exec(path);
    const tree = /^\/api\/datasets\/demo\/adder\/tree\/([^/]+)$/.exec(path);
    const file = /^\/datasets\/demo\/adder\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (info !== null && ['main', 'v1', hub.commit].includes(info[1] ?? ''))
      return json(200, { _id: '1', id: 'demo/adder', sha: hub.commit, lastModified: '2025-01-01T00:00:00Z' });
    if (tree !== null)
      return json(
        200,
        [...hub.files].map(([name, bytes]) => entry(name, bytes)),
      );
    const bytes = hub.files.get(file?.[2] ?? '');
    if (bytes === undefined) return json(404, { error: 'Repository not found' });
    sendFile(request, response, bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hub.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  hub.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return hub;
}

/** Parquet files are kept in LFS, others in git, as on the real Hub. */
function entry(path: string, bytes: Buffer) {
  const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 130 };
  return { type: 'file', path, oid, size: bytes.length, ...(path.endsWith('.parquet') ? { lfs } : {}) };
}

function sendFile(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
  if (request.headers.range === 'bytes=0-0')
    response
      .writeHead(206, { etag, 'content-range': `bytes 0-0/${bytes.length}`, 'content-length': 1 })
      .end(bytes.subarray(0, 1));
  else response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes);
}
