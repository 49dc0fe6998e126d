import { afterEach, describe, expect, test } from '@jest/globals';
import { reloadVllm, type TensorSender, vllmTransfer } from '../../plugins/trainer/vllm.js';
import { testClock } from '../helpers/jobs.js';
import { type VllmServer, type VllmServerOptions, vllmServer } from './vllm-server.js';

let server: VllmServer | undefined;
afterEach(() => server?.close());

async function start(options: VllmServerOptions = {}): Promise<VllmServer> {
  server = await vllmServer(options);
  return server;
}

const options = (url: string, speed = 1) => ({
  url,
  clock: testClock(speed),
  signal: new AbortController().signal,
});
const calls = ({ seen }: VllmServer) => seen.map(({ call }) => call);

/** Two sides of a collective operation: each waits for the other. */
function meetings() {
  const waiting = new Map<string, () => void>();
  return (what: 'join' | 'send') =>
    new Promise<void>((resolve) => {
      const other = waiting.get(what);
      waiting.delete(what);
      if (other === undefined) waiting.set(what, resolve);
      else {
        other();
        resolve();
      }
    });
}

function sender(meet: (what: 'join' | 'send') => Promise<void>, more: Partial<TensorSender> = {}) {
  const lost: unknown[] = [];
  const joined: number[] = [];
  let opened = 0;
  const made: TensorSender = {
    open: async () => ({
      weightVersion: String(++opened),
      uniqueId: Buffer.alloc(128, opened).toString('base64'),
      names: ['model.embed_tokens.weight', 'lm_head.weight'],
      dtypeNames: ['bfloat16', 'bfloat16'],
      shapes: [
        [8, 4],
        [8, 4],
      ],
    }),
    join: async (worldSize) => {
      joined.push(worldSize);
      await meet('join');
    },
    send: () => meet('send'),
    lose: (error) => lost.push(error),
    ...more,
  };
  return { sender: made, lost, joined };
}

describe('reload of a folder', () => {
  test('pauses, loads, drops the cache of old weights, resumes', async () => {
    const vllm = await start();
    const url = await reloadVllm(options(`${vllm.url}/v1/`), {
      folder: '/shared/weights',
      weightVersion: '3',
    });
    expect(url).toBe(`${vllm.url}/v1`);
    expect(vllm.weights()).toBe('/shared/weights');
    expect(vllm.seen).toEqual([
      { call: 'POST /pause?mode=wait', body: undefined },
      {
        call: 'POST /collective_rpc',
        body: { method: 'reload_weights', kwargs: { weights_path: '/shared/weights' } },
      },
      { call: 'POST /update_weight_version', body: { new_version: '3' } },
      { call: 'POST /reset_prefix_cache', body: undefined },
      { call: 'POST /resume', body: undefined },
    ]);
  });

  test('does without what an older server does not know', async () => {
    const vllm = await start({
      instead: (call) =>
        call.endsWith('version') ? { status: 404 } : call.endsWith('cache') ? { status: 200 } : undefined,
    });
    await reloadVllm(options(vllm.url), { folder: '/w', weightVersion: '1' });
    expect(vllm.isPaused()).toBe(false);
  });

  test.each([
    [
      'that fails',
      { status: 500, body: { error: 'no such folder' } },
      'policy_unavailable',
      /answered 500: .*no such folder/,
    ],
    ['that is refused', { status: 400, body: {} }, 'policy_refused', /answered 400/],
  ])('%s leaves the server paused and says so', async (_, reply, code, words) => {
    const vllm = await start({ instead: (call) => (call.includes('rpc') ? reply : undefined) });
    const error = await reloadVllm(options(vllm.url), { folder: '/w', weightVersion: '1' }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(error).toMatchObject({ message: expect.stringContaining('stays paused') });
    expect(vllm.isPaused()).toBe(true);
  });

  test('a cache that is not dropped is a failure: its prefixes are of other weights', async () => {
    const vllm = await start({
      instead: (call) => (call.includes('cache') ? { status: 200, body: { success: false } } : undefined),
    });
    await expect(reloadVllm(options(vllm.url), { folder: '/w', weightVersion: '1' })).rejects.toMatchObject({
      code: 'policy_unavailable',
    });
    expect(vllm.isPaused()).toBe(true);
  });

  test('a server without its development mode is told of it', async () => {
    const vllm = await start({ instead: () => ({ status: 404 }) });
    await expect(reloadVllm(options(vllm.url), { folder: '/w', weightVersion: '1' })).rejects.toMatchObject({
      code: 'policy_refused',
      message: expect.stringContaining('VLLM_SERVER_DEV_MODE=1'),
    });
  });

  test('no server, and one that never answers, are unavailable', async () => {
    const vllm = await start({ instead: () => 'hang' });
    await expect(
      reloadVllm({ ...options(vllm.url), seconds: 0.1 }, { folder: '/w', weightVersion: '1' }),
    ).rejects.toMatchObject({
      code: 'policy_unavailable',
      message: expect.stringContaining('no answer in 0.1 s'),
    });
    await vllm.close();
    await expect(reloadVllm(options(vllm.url), { folder: '/w', weightVersion: '1' })).rejects.toMatchObject({
      code: 'policy_unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('ends with the reason of an aborted signal', async () => {
    const vllm = await start({ instead: () => 'hang' });
    const stop = new AbortController();
    const reload = reloadVllm(
      { ...options(vllm.url), signal: stop.signal },
      { folder: '/w', weightVersion: '1' },
    );
    stop.abort(new Error('enough'));
    await expect(reload).rejects.toThrow('enough');
  });
});

describe('transfer over NCCL', () => {
  test('makes the group once, then sends with the workers receiving at the same time', async () => {
    const meet = meetings();
    const vllm = await start({ workers: 4, meet });
    const { sender: trainer, joined } = sender(meet);
    const transfer = vllmTransfer(options(vllm.url), trainer);
    expect(await transfer.sync()).toEqual({ weightVersion: '1', url: `${vllm.url}/v1` });
    expect(await transfer.sync()).toEqual({ weightVersion: '2', url: `${vllm.url}/v1` });
    expect(joined).toEqual([5]);
    expect(vllm.weights()).toBe('2');
    expect(vllm.isPaused()).toBe(false);
    const round = [
      'POST /pause?mode=wait',
      'POST /start_weight_update',
      'POST /update_weights',
      'POST /finish_weight_update',
      'POST /reset_prefix_cache',
      'POST /resume',
    ];
    expect(calls(vllm)).toEqual([
      'GET /get_world_size',
      'POST /init_weight_transfer_engine',
      ...round,
      ...round,
    ]);
    expect(vllm.seen[1]?.body).toEqual({
      init_info: {
        nccl_unique_id_b64: Buffer.alloc(128, 1).toString('base64'),
        rank_offset: 1,
        world_size: 5,
        packed: false,
      },
    });
    expect(vllm.seen[4]?.body).toEqual({
      update_info: {
        names: ['model.embed_tokens.weight', 'lm_head.weight'],
        dtype_names: ['bfloat16', 'bfloat16'],
        shapes: [
          [8, 4],
          [8, 4],
        ],
      },
    });
    expect(vllm.seen[5]?.body).toEqual({ weight_version: '1' });
  });

  test('a trainer that waits in NCCL for a server that failed is ended', async () => {
    const meet = meetings();
    const vllm = await start({
      meet,
      instead: (call) =>
        call.includes('update_weights') ? { status: 500, body: { error: 'out of memory' } } : undefined,
    });
    const { sender: trainer, lost } = sender(meet);
    // The clock of the wait runs fast.
    const sync = vllmTransfer(options(vllm.url, 100), trainer).sync();
    await expect(sync).rejects.toMatchObject({
      code: 'policy_unavailable',
      message: expect.stringMatching(/out of memory.*stays paused/),
    });
    expect(lost).toHaveLength(1);
  });

  test('a server is not waited for when the trainer fails, and the next sync makes a new group', async () => {
    const meet = meetings();
    const vllm = await start({ meet });
    let isBroken = true;
    const {
      sender: trainer,
      lost,
      joined,
    } = sender(meet, {
      send: async () => {
        if (isBroken) throw new Error('CUDA error');
        await meet('send');
      },
    });
    const transfer = vllmTransfer(options(vllm.url), trainer);
    await expect(transfer.sync()).rejects.toThrow('CUDA error');
    expect(lost).toEqual([]);
    expect(joined).toHaveLength(1);
    isBroken = false;
    // The server's side still waits for the old transfer; a real one has to be restarted, as NCCL has no time limit.
    void meet('send');
    const again = await transfer.sync().catch((error: unknown) => error);
    expect(joined).toHaveLength(2);
    expect(again).toMatchObject({ message: expect.stringContaining('already active') });
  });
});
