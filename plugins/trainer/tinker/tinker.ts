import { AssayError, createLimit, isObject } from '../../../src/index.js';
import type { Hello, LoadOptions, Loss, Trainer } from '../trainer.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { type ConnectionOptions, connect, type Members } from './connection.js';
import { type OpenModel, openModel } from './model.js';
import {
  checkClip,
  checkLoad,
  checkLoss,
  type Gradients,
  type Powers,
  powersOf,
  type TinkerServer,
} from './servers.js';
import { type Training, trainingOf } from './training.js';

export interface TinkerOptions extends ConnectionOptions {
  readonly server: TinkerServer;
  readonly gradients: Gradients;
  /** What will be asked for: `hello` and `load` reject with `trainer_refused` for what the server can't do. */
  readonly plan: { readonly losses: readonly Loss[]; readonly gradientClip: number };
  /** Most tokens in the body of a request, of up to 40 bytes each; default 65,536. A longer sequence is sent alone. */
  readonly chunkTokens?: number;
}

interface Loaded {
  readonly model: OpenModel;
  readonly training: Training;
  readonly baseModel: string;
  readonly rank: number | null;
}

/**
 * A trainer behind Tinker's REST protocol. Calls wait for one another. Weights and optimiser of a checkpoint stay on the server; the folder holds their
 * name. How many tokens are computed at once, and what is recomputed, is the server's to decide.
 */
export function tinkerTrainer(options: TinkerOptions): Trainer {
  const { server, gradients, plan, chunkTokens = 65_536 } = options;
  const connection = connect(options);
  const { url } = connection;
  const inTurn = createLimit(1);
  let found: { readonly powers: Powers; readonly hello: Hello } | undefined;
  let loaded: Loaded | undefined;

  const start = async () => {
    if (found !== undefined) return found;
    if ((await connection.get('/api/v1/healthz')) === undefined)
      throw new AssayError('trainer_refused', `${url} is no Tinker server: it has no /api/v1/healthz`);
    const openapi = await connection.get('/openapi.json');
    const powers = powersOf(server, openapi);
    for (const loss of plan.losses) checkLoss(loss, server, powers, gradients);
    checkClip(plan, server, powers);
    found = { powers, hello: helloOf(options, openapi) };
    return found;
  };
  const present = (): Loaded => {
    if (loaded !== undefined) return loaded;
    throw new AssayError('internal', 'the Tinker trainer has loaded no model');
  };
  const unload = async () => {
    await loaded?.model.close();
    loaded = undefined;
  };
  const load = async (wanted: LoadOptions) => {
    const { powers } = await start();
    checkLoad(wanted, server);
    const resumed = wanted.resume === undefined ? undefined : await readCheckpoint(wanted.resume, url);
    const rank = wanted.lora?.rank ?? null;
    if (resumed !== undefined && resumed.rank !== rank)
      throw new AssayError(
        'trainer_refused',
        `lora rank ${rank}: the checkpoint ${wanted.resume} has ${resumed.rank}`,
      );
    const baseModel = resumed?.baseModel ?? nameOf(wanted);
    const context = contextOf(baseModel, await connection.get('/api/v1/get_server_capabilities'), url);
    // SkyRL trains all parameters of one model at a time.
    await unload();
    const { clock } = options;
    const model = await openModel(connection, { baseModel, rank, seed: wanted.seed, powers, clock });
    const version = Number(resumed?.weightVersion ?? 0);
    const { optimizer } = wanted;
    const training = trainingOf({ model, server, powers, gradients, optimizer, chunkTokens, version });
    loaded = { model, training, baseModel, rank };
    try {
      if (resumed !== undefined) await restore(model, resumed);
    } catch (error) {
      await unload();
      throw error;
    }
    return { weightVersion: String(version), parameters: null, vocabulary: null, context };
  };

  return {
    hello: () => inTurn(async () => (await start()).hello),
    load: (wanted) => inTurn(() => load(wanted)),
    logprobs: (batch) => inTurn(async () => ({ logprobs: await present().training.logprobs(batch) })),
    accumulate: (batch, loss) => inTurn(() => present().training.accumulate(batch, loss)),
    step: (wanted) => inTurn(() => present().training.step(wanted)),
    save: (folder) =>
      inTurn(async () => {
        const { training, baseModel, rank } = present();
        const path = await training.save('save_weights');
        const weightVersion = training.version();
        return writeCheckpoint(folder, { schemaVersion: 1, url, path, baseModel, rank, weightVersion });
      }),
    sync: (target) =>
      inTurn(async () => {
        if (target.kind !== 'tinker')
          throw new AssayError(
            'trainer_refused',
            `sync ${target.kind}: a Tinker server brings weights to its own sampler`,
          );
        const { model, training, baseModel, rank } = present();
        const path = await training.save('save_weights_for_sampler');
        const weightVersion = training.version();
        // SkyRL's vLLM has the names of its own: that of a model is that of its adapter.
        const own = rank === null ? baseModel : model.id;
        return { weightVersion, url: target.url, model: server.kind === 'skyrl_train' ? own : path };
      }),
    stop: () => inTurn(unload),
    // A service that can't be reached says so to what is asked of it.
    over: new AbortController().signal,
  };
}

function helloOf({ url, gradients }: TinkerOptions, openapi: Members | undefined): Hello {
  const info = isObject(openapi?.['info']) ? openapi['info'] : {};
  const server = openapi === undefined ? null : `${info['title']} ${info['version']}`;
  return {
    protocol: 1,
    device: url,
    dtype: null,
    processes: 1,
    capabilities: {
      losses: ['cross_entropy', 'policy'],
      ratioLevels: gradients === 'client' ? ['token', 'sequence'] : ['token'],
      entropy: false,
      contextParallel: false,
      lora: true,
      sync: ['tinker'],
    },
    versions: { server },
  };
}

function nameOf({ model }: LoadOptions): string {
  return 'folder' in model ? model.folder : '';
}

/** Most positions of a model that the server has, where it tells. */
function contextOf(baseModel: string, capabilities: Members | undefined, url: string): number | null {
  const models = capabilities?.['supported_models'];
  const known = (Array.isArray(models) ? models : []).filter(isObject);
  const model = known.find((one) => one['model_name'] === baseModel);
  if (model === undefined)
    throw new AssayError(
      'trainer_refused',
      `model ${baseModel}: ${url} has ${known.map((one) => one['model_name']).join(', ') || 'none'}`,
    );
  const context = model['max_context_length'];
  return typeof context === 'number' ? context : null;
}

/** Has to be the first request of a model. */
async function restore(model: OpenModel, { path }: Checkpoint): Promise<void> {
  try {
    await (await model.send('load_weights', { path, optimizer: true, type: 'load_weights' }))();
  } catch (error) {
    if (!(error instanceof AssayError) || error.code !== 'trainer_refused') throw error;
    throw new AssayError('checkpoint_broken', `${path}: ${error.message}`, { cause: error });
  }
}
