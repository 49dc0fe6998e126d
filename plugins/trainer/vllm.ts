import { AssayError, type Clock, cut, isObject, within } from '../../src/index.js';
import { type Answered, type Ask, asker } from './vllm-http.js';

/**
 * Brings weights to a vLLM server by its development endpoints (`VLLM_SERVER_DEV_MODE=1`): by a folder that it reads, or over NCCL by its weight-transfer
 * endpoints (0.22 and later; the unique id of the group goes over HTTP, so that the trainer needs no vLLM).
 */

/** What the trainer does for a transfer; NCCL has no time limit of its own, so `join` and `send` end when the server's side does the same. */
export interface TensorSender {
  /** A new group's id, as base64, and the tensors in the order in which they will be sent. */
  open(): Promise<Offer>;
  /** Takes the place 0 in the group, while vLLM's workers take theirs. */
  join(worldSize: number): Promise<void>;
  /** Broadcasts all tensors, while vLLM's workers receive them. */
  send(): Promise<void>;
  /** Ends a trainer that waits in NCCL for somebody who won't come. */
  lose(error: unknown): void;
}

export interface Offer {
  readonly weightVersion: string;
  readonly uniqueId: string;
  readonly names: readonly string[];
  /** As in torch, e.g. `bfloat16`. */
  readonly dtypeNames: readonly string[];
  readonly shapes: readonly (readonly number[])[];
}

export interface VllmOptions {
  /** Of the server, with or without `/v1`. */
  readonly url: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** That one request may take; default {@link REQUEST_SECONDS}. */
  readonly seconds?: number;
}

/** A model of 72 billion parameters is read from a network disk in less. */
export const REQUEST_SECONDS = 3600;
/** How long the trainer may take to end its part of a transfer after the server's part failed. */
const LOSE_MS = 10_000;

/** Has the server load a folder in the format of transformers that it can read; gives its OpenAI-compatible URL. */
export async function reloadVllm(
  options: VllmOptions,
  { folder, weightVersion }: { readonly folder: string; readonly weightVersion: string },
): Promise<string> {
  const { url, ask } = serverOf(options);
  await replacing(url, ask, async () => {
    await ask('POST', '/collective_rpc', {
      body: { method: 'reload_weights', kwargs: { weights_path: folder } },
    });
    // Later than the rest: an older server has no version to say.
    await ask('POST', '/update_weight_version', { body: { new_version: weightVersion }, optional: true });
  });
  return `${url}/v1`;
}

/** A way to send weights to one server; the first time it makes the NCCL group, which stays. */
export function vllmTransfer(options: VllmOptions, sender: TensorSender) {
  const { url, ask } = serverOf(options);
  let isJoined = false;
  return {
    /** Sends the present weights. A failure between start and end leaves the server paused, and may end the trainer. */
    async sync(): Promise<{ readonly weightVersion: string; readonly url: string }> {
      const offer = await sender.open();
      if (!isJoined) {
        const worldSize = 1 + workersOf(await ask('GET', '/get_world_size'), url);
        const body = {
          init_info: {
            nccl_unique_id_b64: offer.uniqueId,
            rank_offset: 1,
            world_size: worldSize,
            packed: false,
          },
        };
        await together(
          (signal) => ask('POST', '/init_weight_transfer_engine', { body, signal }),
          () => sender.join(worldSize),
        );
        isJoined = true;
      }
      await replacing(url, ask, async () => {
        await ask('POST', '/start_weight_update', { body: { is_checkpoint_format: true } });
        const { names, dtypeNames, shapes } = offer;
        const body = { update_info: { names, dtype_names: dtypeNames, shapes } };
        await together(
          (signal) => ask('POST', '/update_weights', { body, signal }),
          () => sender.send(),
        );
        await ask('POST', '/finish_weight_update', { body: { weight_version: offer.weightVersion } });
      });
      return { weightVersion: offer.weightVersion, url: `${url}/v1` };
    },
  };

  /** Both sides of something that none can do alone. When one fails, the other is not waited for without end. */
  async function together(
    server: (signal: AbortSignal) => Promise<unknown>,
    trainer: () => Promise<void>,
  ): Promise<void> {
    const other = new AbortController();
    const mine = trainer();
    try {
      await Promise.all([server(other.signal), mine]);
    } catch (error) {
      other.abort(error);
      isJoined = false;
      const end = mine.then(
        () => true,
        () => true,
      );
      if ((await within(end, LOSE_MS, options.clock)) === undefined) sender.lose(error);
      throw error;
    }
  }
}

/** Pauses the server, has its weights replaced, drops what it computed with the old ones, and lets it go on. After a failure it stays paused. */
async function replacing(url: string, ask: Ask, replace: () => Promise<void>): Promise<void> {
  await ask('POST', '/pause?mode=wait');
  try {
    await replace();
    const reset = await ask('POST', '/reset_prefix_cache');
    if (isObject(reset.body) && reset.body['success'] === false)
      throw new AssayError(
        'policy_unavailable',
        `${url} did not drop its prefix cache: it still has requests`,
      );
    await ask('POST', '/resume');
  } catch (error) {
    if (!(error instanceof AssayError)) throw error;
    const stays =
      'the server stays paused, as it may hold a part of the new weights: sync again, or restart it';
    throw new AssayError(error.code, `${error.message}; ${stays}`, { cause: error });
  }
}

function serverOf({ url, clock, signal, seconds = REQUEST_SECONDS }: VllmOptions): { url: string; ask: Ask } {
  const root = url.replace(/\/+$/, '').replace(/\/v1$/, '');
  return { url: root, ask: asker({ url: root, seconds, clock, signal }) };
}

function workersOf({ body }: Answered, url: string): number {
  const size = isObject(body) ? body['world_size'] : undefined;
  if (typeof size === 'number' && Number.isInteger(size) && size > 0) return size;
  throw new AssayError(
    'policy_refused',
    `${url}/get_world_size says ${cut(JSON.stringify(body) ?? 'nothing')}`,
  );
}
