import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TinkerServer } from '../../plugins/trainer/tinker/servers.js';
import { type TinkerOptions, tinkerTrainer } from '../../plugins/trainer/tinker/tinker.js';
import type { AdamW, LoadOptions, Loss, Trainer } from '../../plugins/trainer/trainer.js';
import type { AssayError } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';
import { BASE_MODEL, type TinkerFake, type TinkerFakeOptions, tinkerFake } from './tinker-fake.js';

export const ADAM: AdamW = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1 };
export const CLIP = {
  kind: 'policy',
  normalizer: 7.5,
  clipLow: 0.2,
  clipHigh: 0.3,
  ratioLevel: 'token',
  surrogate: 'clip',
} as const satisfies Loss;
export const CROSS_ENTROPY: Loss = { kind: 'cross_entropy', normalizer: 7.5 };

const SERVERS: Readonly<Record<TinkerServer['kind'], TinkerServer>> = {
  hosted: { kind: 'hosted' },
  skyrl_train: { kind: 'skyrl_train', optimizer: ADAM, gradientClip: 1 },
  skyrl_jax: { kind: 'skyrl_jax', sequencesPerStep: 10 },
};

export interface World {
  readonly fake: TinkerFake;
  readonly trainer: Trainer;
  readonly load: (more?: Partial<LoadOptions>) => ReturnType<Trainer['load']>;
  readonly folder: string;
}

/** A trainer and a server for it. Waits are a hundredth of what they are. */
export async function world(
  given: Partial<TinkerFakeOptions> & Pick<TinkerFakeOptions, 'kind'>,
  more: Partial<TinkerOptions> = {},
): Promise<World> {
  const fake = await tinkerFake({ optimizer: ADAM, ...given });
  const trainer = tinkerTrainer({
    url: fake.url,
    clock: testClock(100),
    random: () => 0.5,
    signal: new AbortController().signal,
    server: SERVERS[given.kind],
    gradients: 'server',
    plan: { losses: [], gradientClip: given.kind === 'skyrl_jax' ? Number.POSITIVE_INFINITY : 1 },
    ...more,
  });
  const load = (options: Partial<LoadOptions> = {}) =>
    trainer.load({
      model: { folder: BASE_MODEL },
      optimizer: ADAM,
      seed: 3,
      microBatchTokens: 64,
      checkpointing: false,
      ...(given.kind === 'skyrl_train' ? {} : { lora: { rank: 8, alpha: 32 } }),
      ...options,
    });
  return { fake, trainer, load, folder: mkdtempSync(join(tmpdir(), 'tinker-test-')) };
}

/** What a call rejects with. */
export async function errorOf(act: Promise<unknown>): Promise<AssayError> {
  try {
    await act;
  } catch (error) {
    return error as AssayError;
  }
  throw new Error('it did not reject');
}

/** Requests of a path, or all that have a number. */
export function sent(fake: TinkerFake, path?: string) {
  return fake.requests.filter((one) =>
    path === undefined ? one.body['seq_id'] !== undefined : one.path === path,
  );
}
