import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that was made of the server. */
export interface Seen {
  readonly call: string;
  readonly body: unknown;
}

export interface VllmServerOptions {
  /** Tensor, pipeline and data parallel workers. */
  readonly workers?: number;
  /** Waits for the trainer's side of a collective operation, as NCCL does. */
  readonly meet?: (what: 'join' | 'send') => Promise<void>;
  /** Answers in place of the server, or undefined. */
  readonly instead?: (
    call: string,
  ) => { readonly status: number; readonly body?: unknown } | 'hang' | undefined;
}

export interface VllmServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  isPaused(): boolean;
  /** Path or version of the weights that it serves. */
  weights(): string;
  close(): Promise<void>;
}

/**
 * The development endpoints of vLLM as its documentation (training/weight_transfer, layerwise reload) and its routers of 2026-11 describe them
 * (entrypoints/serve/dev: rlhf, rpc, cache), with the order that they ask for. There is no model behind it.
 */
export async function vllmServer(options: VllmServerOptions = {}): Promise<VllmServer> {
  const seen: Seen[] = [];
  let [isPaused, isJoined, isUpdating, wasUpdated] = [false, false, false, false];
  let weights = 'first';
  const meet = options.meet ?? (async () => {});
  const missing = (name: string) => ({ status: 400, body: { detail: `Missing '${name}' in request body` } });
  const broken = (why: string) => ({ status: 500, body: { error: why } });
  const routes: Readonly<Record<string, (body: Record<string, unknown>) => Promise<Reply> | Reply>> = {
    'GET /get_world_size': () => ok({ world_size: options.workers ?? 2 }),
    'POST /pause?mode=wait': () => {
      isPaused = true;
      return ok({ status: 'paused' });
    },
    'POST /resume': () => {
      isPaused = false;
      return ok({ status: 'resumed' });
    },
    'POST /init_weight_transfer_engine': async ({ init_info }) => {
      if (init_info === undefined) return missing('init_info');
      const { nccl_unique_id_b64, world_size, rank_offset } = init_info as Record<string, unknown>;
      const id = Buffer.from(String(nccl_unique_id_b64), 'base64');
      if (id.length !== 128 || rank_offset !== 1 || world_size !== (options.workers ?? 2) + 1)
        return broken('no such group');
      await meet('join');
      isJoined = true;
      return ok({ message: 'Weight transfer initialized' });
    },
    'POST /start_weight_update': () => {
      if (isUpdating) return broken('A weight update is already active');
      isUpdating = true;
      wasUpdated = false;
      return ok({ message: 'Weight update started' });
    },
    'POST /update_weights': async ({ update_info }) => {
      if (update_info === undefined) return missing('update_info');
      if (!isJoined) return broken('NCCL weight transfer not initialized.');
      if (!isUpdating) return broken('start_weight_update must be called before');
      const { names, dtype_names, shapes } = update_info as Record<string, unknown[]>;
      if (names?.length !== dtype_names?.length || names?.length !== shapes?.length)
        return broken('`shapes` should be of the same size as `names`');
      await meet('send');
      wasUpdated = true;
      return ok({ message: 'Weights updated' });
    },
    'POST /finish_weight_update': ({ weight_version }) => {
      if (!wasUpdated) return broken('nothing was transferred');
      isUpdating = false;
      weights = String(weight_version);
      return ok({ message: 'Weight update finished' });
    },
    'POST /collective_rpc': ({ method, kwargs }) => {
      if (method === undefined) return missing('method');
      if (method !== 'reload_weights') return broken(`no method ${method}`);
      weights = String((kwargs as { weights_path?: string } | undefined)?.weights_path);
      return ok({ results: [null, null] });
    },
    'POST /update_weight_version': ({ new_version }) => ok({ success: true, new_version }),
    'POST /reset_prefix_cache': () => ok({ success: true }),
  };
  const server = createServer((request, response) => {
    void (async () => {
      const call = `${request.method} ${request.url}`;
      const body = await jsonOf(request);
      seen.push({ call, body });
      const route = routes[call];
      const instead = options.instead?.(call);
      if (instead === 'hang') return;
      const reply = instead ?? (await route?.((body ?? {}) as Record<string, unknown>));
      const { status, body: said } = reply ?? { status: 404, body: { detail: 'Not Found' } };
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(said === undefined ? '' : JSON.stringify(said));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    isPaused: () => isPaused,
    weights: () => weights,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

const ok = (body: unknown): Reply => ({ status: 200, body });

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}
