import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Requests that a fault can be attached to. */
type Endpoint = 'getManifest' | 'getBlob' | 'startUpload' | 'putManifest';

/** One way to misbehave. */
export type RegistryFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string | undefined;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** 200 with a body that isn't what was asked for. */
  | { readonly kind: 'garbage' }
  /** Half of the answer, then the connection is closed. */
  | { readonly kind: 'truncate' }
  /** The connection is closed, or kept without an answer. */
  | { readonly kind: 'close' | 'hang' };

interface Stored {
  readonly bytes: Buffer;
  readonly type: string;
}

export interface FakeRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Blobs and manifests, by digest; manifests also by `name:tag`. */
  readonly stored: ReadonlyMap<string, Stored>;
  /** What each request from now on meets; nothing given is health. Ends the connections that hang. */
  break(faults: Partial<Record<Endpoint, RegistryFault>>): void;
  /** Answers a request for one digest with the content of another. */
  swap(digest: string, content: string): void;
  /** Requests so far, as `GET /v2/...`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The JSON that registries explain an error with. */
export const registryError = (code: string, message: string) =>
  JSON.stringify({ errors: [{ code, message }] });

/** Starts a registry in memory on the loopback interface, over plain HTTP: enough of its protocol for a pull and a push of Docker. */
export async function startRegistry(): Promise<FakeRegistry> {
  const stored = new Map<string, Stored>();
  const uploads = new Map<string, Buffer>();
  const requests: string[] = [];
  const hanging = new Set<ServerResponse>();
  let faults: Partial<Record<Endpoint, RegistryFault>> = {};

  function send(incoming: IncomingMessage, answer: ServerResponse, found: Stored): void {
    const from = Number(/^bytes=(\d+)-/.exec(incoming.headers.range ?? '')?.[1] ?? 0);
    const body = found.bytes.subarray(from);
    answer.writeHead(from > 0 ? 206 : 200, {
      'Content-Type': found.type,
      'Content-Length': body.length,
      'Docker-Content-Digest': digestOf(found.bytes),
      ...(from > 0
        ? { 'Content-Range': `bytes ${from}-${found.bytes.length - 1}/${found.bytes.length}` }
        : {}),
    });
    answer.end(incoming.method === 'HEAD' ? undefined : body);
  }

  function misbehave(fault: RegistryFault, answer: ServerResponse, found: Stored | undefined): void {
    switch (fault.kind) {
      case 'close':
        answer.socket?.destroy();
        return;
      case 'hang':
        hanging.add(answer);
        return;
      case 'status':
        answer.writeHead(fault.status, { 'Content-Type': 'application/json', ...fault.headers });
        answer.end(fault.body);
        return;
      case 'garbage':
        answer.writeHead(200, {
          'Content-Type': found?.type ?? 'application/vnd.docker.distribution.manifest.v2+json',
        });
        answer.end('{"schemaVersion": <html>');
        return;
      case 'truncate': {
        const bytes = found?.bytes ?? Buffer.alloc(1000);
        answer.writeHead(200, { 'Content-Length': bytes.length });
        answer.write(bytes.subarray(0, bytes.length / 2), () => answer.socket?.destroy());
      }
    }
  }

  async function handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = '' } = incoming;
    const url = new URL(incoming.url ?? '/', 'http://registry');
    requests.push(`${method} ${url.pathname}`);
    answer.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
    const [, name = '', kind = '', rest = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === '') return void answer.writeHead(200).end('{}');
    const isRead = method === 'GET' || method === 'HEAD';
    const reading = kind === 'manifests' ? 'getManifest' : 'getBlob';
    const writing = kind === 'manifests' ? 'putManifest' : 'startUpload';
    // what a push asks first, "is this blob there?", is no download
    const fault = faults[isRead ? reading : writing];
    const key = rest.startsWith('sha256:') ? rest : `${name}:${rest}`;
    const found = stored.get(key);
    if (fault !== undefined && !(kind === 'blobs' && method === 'HEAD'))
      return misbehave(fault, answer, found);
    if (isRead) {
      if (found !== undefined) return send(incoming, answer, found);
      answer.writeHead(404, { 'Content-Type': 'application/json' });
      return void answer.end(registryError('MANIFEST_UNKNOWN', 'manifest unknown'));
    }
    const body = await buffer(incoming);
    if (kind === 'manifests') {
      const manifest = { bytes: body, type: String(incoming.headers['content-type']) };
      for (const each of [key, digestOf(body)]) stored.set(each, manifest);
      return void answer.writeHead(201, { 'Docker-Content-Digest': digestOf(body) }).end();
    }
    const id = method === 'POST' ? `upload-${requests.length}` : rest.replace('uploads/', '');
    const bytes = Buffer.concat([uploads.get(id) ?? Buffer.alloc(0), body]);
    uploads.set(id, bytes);
    const digest = url.searchParams.get('digest');
    if (method === 'PUT' && digest !== null) {
      stored.set(digest, { bytes, type: 'application/octet-stream' });
      return void answer.writeHead(201, { 'Docker-Content-Digest': digest }).end();
    }
    answer.writeHead(202, {
      Location: `/v2/${name}/blobs/uploads/${id}`,
      Range: `0-${Math.max(bytes.length - 1, 0)}`,
      'Docker-Upload-UUID': id,
    });
    answer.end();
  }

  const server = createServer((incoming, answer) => {
    handle(incoming, answer).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored,
    requests,
    break(next) {
      faults = next;
      for (const answer of hanging) answer.destroy();
      hanging.clear();
    },
    swap(digest, content) {
      const found = stored.get(content);
      if (found !== undefined) stored.set(digest, found);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
