import { join } from 'node:path';
import type { DapoConfig } from '../../plugins/dapo/config.js';
import { policyLoss } from '../../plugins/dapo/learn.js';
import type { RftConfig } from '../../plugins/rft/config.js';
import { localTrainer } from '../../plugins/trainer/local.js';
import type { TinkerServer } from '../../plugins/trainer/tinker/servers.js';
import { tinkerTrainer } from '../../plugins/trainer/tinker/tinker.js';
import type { AdamW, LoadOptions, Loss, SyncTarget, Trainer } from '../../plugins/trainer/trainer.js';
import type { Host } from './host.js';
import type { Interrupt } from './interrupt.js';

export type Settings = DapoConfig | RftConfig;

/** Name of the model at the embedded server. */
export const POLICY = 'policy';

/** Starts, or connects, the trainer of the settings; the key of a Tinker service is read from TINKER_API_KEY. */
export async function trainerFor(
  settings: Settings,
  folder: string,
  { kill }: Pick<Interrupt, 'kill'>,
  host: Host,
): Promise<Trainer> {
  const { trainer, optimizer } = settings;
  const { clock, env } = host;
  if (trainer.kind === 'tinker') {
    const key = env['TINKER_API_KEY'] || undefined;
    return tinkerTrainer({
      ...{ url: trainer.url ?? '', clock, random: Math.random, signal: kill, onRetry: host.err },
      ...(key === undefined ? {} : { key }),
      ...{ server: serverOf(settings), gradients: 'server' },
      plan: { losses: [lossOf(settings)], gradientClip: optimizer.gradientClip },
    });
  }
  return localTrainer({
    ...(trainer.python === undefined ? {} : { python: trainer.python }),
    ...(trainer.contextParallel === undefined ? {} : { contextParallel: trainer.contextParallel }),
    ...{ cacheFolder: host.cacheDir, env, processes: trainer.processes, clock, signal: kill },
    ...{ workFolder: join(folder, 'work'), logFile: join(folder, 'trainer.log') },
  });
}

function serverOf({ trainer, optimizer }: Settings): TinkerServer {
  const { server, sequencesPerStep = 1 } = trainer;
  switch (server) {
    case 'skyrl_train':
      return { kind: server, optimizer: adamOf(optimizer), gradientClip: optimizer.gradientClip };
    case 'skyrl_jax':
      return { kind: server, sequencesPerStep };
    default:
      return { kind: 'hosted' };
  }
}

function lossOf({ algorithm }: Settings): Loss {
  return 'clipLow' in algorithm
    ? { kind: 'policy', normalizer: 1, ...policyLoss(algorithm) }
    : { kind: 'cross_entropy', normalizer: 1 };
}

const adamOf = ({ beta1, beta2, eps, weightDecay }: Settings['optimizer']): AdamW => ({
  ...{ betas: [beta1, beta2], eps, weightDecay },
});

/** What the trainer loads at its start. */
export function loadOptions({ model, optimizer, seed }: Settings): Omit<LoadOptions, 'resume'> {
  const { folder, config, tokenizer, loraRank, loraAlpha, yarn } = model;
  return {
    model: folder === undefined ? { config: config ?? {}, tokenizer: tokenizer ?? '' } : { folder },
    optimizer: adamOf(optimizer),
    ...{ seed, microBatchTokens: model.microBatchTokens, checkpointing: model.checkpointing },
    ...(loraRank === undefined ? {} : { lora: { rank: loraRank, alpha: loraAlpha ?? loraRank } }),
    ...(yarn === undefined ? {} : { yarn }),
  };
}

/** Where rollouts are sampled. */
export function targetOf({ policy }: Settings, folder: string): SyncTarget {
  const { kind, url = '', model = POLICY, sync } = policy;
  if (kind === 'embedded') return { kind: 'embedded', host: '127.0.0.1', port: 0, model };
  if (kind === 'tinker') return { kind: 'tinker', url };
  if (sync === 'transfer') return { kind: 'vllm_transfer', url };
  return { kind: 'vllm_reload', url, folder: join(folder, 'served') };
}
