import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { TinkerServer } from '../../plugins/trainer/tinker/servers.js';
import type { Batch, Loss, Trainer } from '../../plugins/trainer/trainer.js';
import { type FakeTrainer, fakeTrainer } from './fake-trainer.js';
import { batchOf, golden, VOCABULARY } from './golden.js';
import { BASE_MODEL } from './tinker-fake.js';
import { ADAM, CLIP, CROSS_ENTROPY, errorOf, world as open, sent, type World } from './tinker-helpers.js';

const worlds: World[] = [];
afterEach(async () => {
  for (const { trainer, fake } of worlds.splice(0)) {
    await trainer.stop();
    await fake.close();
  }
});
const world: typeof open = async (...options) => {
  const made = await open(...options);
  worlds.push(made);
  return made;
};
const STEP = { learningRate: 0.1, gradientClip: 1 };
const KINDS: readonly TinkerServer['kind'][] = ['hosted', 'skyrl_train', 'skyrl_jax'];
const clipOf = (kind: TinkerServer['kind']) => (kind === 'skyrl_jax' ? Number.POSITIVE_INFINITY : 1);

async function localTrainer(): Promise<FakeTrainer> {
  const local = fakeTrainer();
  await local.load({
    model: { config: { vocabulary: VOCABULARY }, tokenizer: '' },
    optimizer: ADAM,
    seed: 3,
    microBatchTokens: 64,
    checkpointing: false,
  });
  return local;
}

async function policyBatch(): Promise<Batch> {
  return batchOf(await localTrainer());
}

/** Two steps, of which each is of two calls. */
async function train(trainer: Trainer, batch: Batch, loss: Loss, gradientClip: number) {
  const sums = [];
  for (let step = 0; step < 2; step++) {
    for (const part of [batch.slice(0, 1), batch.slice(1)]) sums.push(await trainer.accumulate(part, loss));
    sums.push(await trainer.step({ learningRate: 0.1, gradientClip }));
  }
  return sums.map((one) => Object.fromEntries(Object.entries(one).filter(([name]) => name !== 'entropy')));
}

/** Numbers may differ by what float32 leaves out. */
function nearly(value: unknown): unknown {
  if (typeof value === 'number') return expect.closeTo(value, 4);
  if (Array.isArray(value)) return value.map(nearly);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, nearly(member)]));
}

describe('training through a Tinker server', () => {
  test.each(KINDS)(
    '%s: steps are those of the local trainer, for the losses that the server has',
    async (kind) => {
      const batch = await policyBatch();
      const losses: readonly Loss[] = [
        CROSS_ENTROPY,
        CLIP,
        { ...CLIP, clipLow: 0.02, clipHigh: 0.05, tisCap: 1.1 },
        ...(kind === 'skyrl_train' ? [] : [{ ...CLIP, surrogate: 'cispo', clipHigh: 0.1 } as const]),
      ];
      for (const loss of losses) {
        const local = await localTrainer();
        const { trainer, load, fake } = await world({ kind });
        expect((await load()).weightVersion).toBe('0');
        const expected = await train(local, batch, loss, clipOf(kind));
        expect(await train(trainer, batch, loss, clipOf(kind))).toEqual(nearly(expected));
        for (const token of batch[0]?.tokens ?? [])
          expect(fake.trainer.after(token)).toEqual(nearly(local.after(token)));
      }
    },
  );

  test.each(KINDS)(
    '%s: steps are those of the local trainer, for all losses with gradients of the client',
    async (kind) => {
      for (const { loss, batch } of (await golden()).cases) {
        const local = await localTrainer();
        const { trainer, load, fake } = await world({ kind }, { gradients: 'client' });
        await load();
        const expected = await train(local, batch, loss, clipOf(kind));
        expect(await train(trainer, batch, loss, clipOf(kind))).toEqual(nearly(expected));
        for (const token of batch[0]?.tokens ?? [])
          expect(fake.trainer.after(token)).toEqual(nearly(local.after(token)));
      }
    },
  );

  test('requests are numbered one by one in the order of the calls, though nobody waits for them', async () => {
    const { trainer, load, fake } = await world({ kind: 'hosted' }, { chunkTokens: 12 });
    await load();
    const batch = await policyBatch();
    await Promise.all([
      trainer.logprobs(batch),
      trainer.accumulate(batch, CLIP),
      trainer.step(STEP),
      trainer.sync({ kind: 'tinker', url: 'http://x' }),
    ]);
    expect(sent(fake).map(({ path, body }) => [body['seq_id'], path])).toEqual([
      // 30 tokens in sequences of 9, 12, 2 and 7.
      [1, 'forward'],
      [2, 'forward'],
      [3, 'forward'],
      [4, 'forward_backward'],
      [5, 'forward_backward'],
      [6, 'forward_backward'],
      [7, 'optim_step'],
      [8, 'save_weights_for_sampler'],
    ]);
  });

  test('chunks hold the size of bodies and change nothing, and what predicts nothing is not sent', async () => {
    const batch = [...(await policyBatch()), { tokens: [1], weights: [0] }, { tokens: [], weights: [] }];
    const [whole, parts] = [
      await world({ kind: 'hosted' }),
      await world({ kind: 'hosted' }, { chunkTokens: 12 }),
    ];
    for (const { load } of [whole, parts]) await load();
    const { logprobs } = await whole.trainer.logprobs(batch);
    expect((await parts.trainer.logprobs(batch)).logprobs).toEqual(logprobs);
    expect(logprobs.map((row) => row.length)).toEqual(batch.map(({ tokens }) => tokens.length));
    expect(logprobs.every((row) => (row[0] ?? 0) === 0)).toBe(true);
    const sizes = sent(parts.fake, 'forward').map(({ bytes }) => bytes);
    expect(Math.max(...sizes)).toBeLessThan(12 * 50 + 1000);
    expect(sizes.length).toBeGreaterThan(sent(whole.fake, 'forward').length);
  });

  test('every value of Adam is in the request, as the server has other ones by default', async () => {
    const { trainer, load, fake } = await world({ kind: 'hosted' });
    await load();
    await trainer.accumulate(await policyBatch(), CLIP);
    await trainer.step({ learningRate: 1e-6, gradientClip: 1 });
    expect(sent(fake, 'optim_step')[0]?.body['adam_params']).toEqual({
      learning_rate: 1e-6,
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weight_decay: 0.1,
      grad_clip_norm: 1,
    });
  });

  test('bounds of a clip are those of the ratio itself', async () => {
    const { trainer, load, fake } = await world({ kind: 'hosted' });
    await load();
    await trainer.accumulate(await policyBatch(), CLIP);
    await trainer.accumulate(await policyBatch(), { ...CLIP, surrogate: 'cispo' });
    const inputs = sent(fake, 'forward_backward').map(({ body }) => body['forward_backward_input']);
    expect(inputs).toMatchObject([
      { loss_fn: 'ppo', loss_fn_config: { clip_low_threshold: 0.8, clip_high_threshold: 1.3 } },
      { loss_fn: 'cispo', loss_fn_config: { clip_low_threshold: 0, clip_high_threshold: 1.3 } },
    ]);
  });

  test('a negative weight is refused where the server clips, and computed where the client does', async () => {
    const batch = (await policyBatch()).map((one) => ({
      ...one,
      weights: one.weights.map((weight) => -weight),
    }));
    const { trainer, load } = await world({ kind: 'hosted' });
    await load();
    expect(await errorOf(trainer.accumulate(batch, CLIP))).toMatchObject({ code: 'trainer_refused' });
    const client = await world({ kind: 'hosted' }, { gradients: 'client' });
    await client.load();
    await client.trainer.accumulate(batch, CLIP);
  });

  test('a mean over the sequences of a step has room for so many and no more', async () => {
    const { trainer, load } = await world(
      { kind: 'skyrl_jax' },
      { server: { kind: 'skyrl_jax', sequencesPerStep: 3 } },
    );
    await load();
    const error = await errorOf(trainer.accumulate(await policyBatch(), CLIP));
    expect(error).toMatchObject({
      code: 'trainer_refused',
      message: expect.stringContaining('4 sequences in a step'),
    });
  });
});

describe('checkpoints', () => {
  test.each(KINDS)('%s: training goes on from one as if nothing had been', async (kind) => {
    const { trainer, load, folder } = await world({ kind });
    await load();
    const batch = await policyBatch();
    await train(trainer, batch, CLIP, clipOf(kind));
    const saved = await trainer.save(folder);
    const after = await train(trainer, batch, CLIP, clipOf(kind));
    expect(saved).toMatchObject({ weightVersion: '2', files: [{ name: 'tinker.json' }] });
    expect(await load({ resume: folder })).toMatchObject({ weightVersion: '2' });
    expect(await train(trainer, batch, CLIP, clipOf(kind))).toEqual(nearly(after));
  });

  test('are refused where they are broken, of another server, or gone from it', async () => {
    const { trainer, load, folder } = await world({ kind: 'hosted' });
    await load();
    await trainer.save(folder);
    const file = join(folder, 'tinker.json');
    const text = await readFile(file, 'utf8');
    const reasons: string[] = [];
    for (const bad of [
      text.slice(0, 30),
      text.replace('weightVersion', 'version'),
      text.replace(/"url": "[^"]*"/, '"url": "http://other"'),
      text.replace('step0-1', 'step0-9'),
    ]) {
      await writeFile(file, bad);
      const error = await errorOf(load({ resume: folder }));
      expect(error.code).toBe('checkpoint_broken');
      reasons.push(error.message);
    }
    expect(reasons).toEqual([
      expect.stringContaining('it is no JSON'),
      expect.stringContaining('weightVersion'),
      expect.stringContaining('it is kept by http://other'),
      expect.stringContaining('Checkpoint not found'),
    ]);
    expect(await errorOf(load({ resume: `${folder}/none` }))).toMatchObject({ code: 'checkpoint_broken' });
  });

  test('get another name where SkyRL has taken the first one and its answer was lost', async () => {
    const { trainer, load, folder } = await world({
      kind: 'skyrl_train',
      trouble: (path, count) => (path === 'save_weights' && count === 1 ? 'reset after' : undefined),
    });
    await load();
    await trainer.save(folder);
    expect(JSON.parse(await readFile(join(folder, 'tinker.json'), 'utf8'))).toMatchObject({
      path: expect.stringContaining('/weights/step0-2'),
    });
    expect(await load({ resume: folder })).toMatchObject({ weightVersion: '0' });
  });

  test('a sync names what to ask the sampler for', async () => {
    const url = 'http://127.0.0.1:8000/v1';
    const names = [];
    for (const kind of KINDS) {
      const { trainer, load } = await world({ kind });
      await load();
      names.push((await trainer.sync({ kind: 'tinker', url })).model);
      expect(await errorOf(trainer.sync({ kind: 'vllm_transfer', url }))).toMatchObject({
        code: 'trainer_refused',
      });
    }
    const sampler = expect.stringContaining('/sampler_weights/step0-1');
    expect(names).toEqual([sampler, BASE_MODEL, sampler]);
  });
});
