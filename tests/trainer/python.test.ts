import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { localTrainer } from '../../plugins/trainer/local.js';
import type { Batch, LoadOptions, Loss, Trainer } from '../../plugins/trainer/trainer.js';
import { seededRandom } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';
import { cacheFolder, describeWithTrainer, isGone } from '../helpers/trainer.js';
import { vllmServer } from './vllm-server.js';

const VOCABULARY = 64;
const CONFIG = {
  model_type: 'qwen2',
  vocab_size: VOCABULARY,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  initializer_range: 0.3,
};
const POLICY: Loss = {
  kind: 'policy',
  normalizer: 40,
  clipLow: 0.2,
  clipHigh: 0.3,
  ratioLevel: 'token',
  surrogate: 'clip',
};
const STEP = { learningRate: 1e-3, gradientClip: 1 };

await describeWithTrainer('the Python trainer', () => {
  let folder = '';
  const end = new AbortController();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-python-'));
    await writeTokenizer(join(folder, 'tokenizer'));
  });
  afterAll(async () => {
    end.abort(new Error('the tests are over'));
    await rm(folder, { recursive: true, force: true });
  });

  const start = (processes = 1, signal = end.signal) => {
    return localTrainer({
      cacheFolder,
      // One thread: sums of many come out in any order.
      env: { ...process.env, OMP_NUM_THREADS: '1', CUDA_VISIBLE_DEVICES: '' },
      processes,
      workFolder: join(folder, 'work'),
      logFile: join(folder, 'log'),
      clock: testClock(),
      signal,
    });
  };
  const load = (more: Partial<LoadOptions> = {}): LoadOptions => ({
    model: { config: CONFIG, tokenizer: join(folder, 'tokenizer') },
    optimizer: { betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 },
    seed: 5,
    microBatchTokens: 48,
    checkpointing: false,
    ...more,
  });
  const checkpoint = () => join(folder, 'checkpoint');
  const resumed = async () => {
    const trainer = await start();
    const { weightVersion } = await trainer.load(load({ resume: checkpoint() }));
    return { trainer, weightVersion };
  };
  const scores = async (trainer: Trainer) => (await trainer.logprobs(BATCH)).logprobs.map((row) => [...row]);

  test('computes, learns, and goes on from its checkpoint after it was killed in any operation', async () => {
    let trainer = await start();
    expect(await trainer.hello()).toMatchObject({
      protocol: 1,
      device: 'cpu',
      dtype: 'float32',
      processes: 1,
    });
    await refusals(trainer);
    const loaded = await trainer.load(load());
    expect(loaded).toMatchObject({ weightVersion: '0', vocabulary: VOCABULARY, context: 128 });
    const { logprobs, entropies } = await trainer.logprobs(BATCH);
    expect(logprobs.map((row) => row.length)).toEqual(BATCH.map(({ tokens }) => tokens.length));
    expect(logprobs[0]?.[0]).toBe(0);
    expect(Math.max(...logprobs.flatMap((row) => [...row.subarray(1)]))).toBeLessThan(0);
    expect(Math.max(...(entropies ?? []).flatMap((row) => [...row]))).toBeLessThan(Math.log(VOCABULARY));
    // Under the weights themselves the ratio is 1, and the loss is the mean advantage.
    const batch = BATCH.map((sequence, i) => ({ ...sequence, oldLogprobs: [...(logprobs[i] ?? [])] }));
    const sums = await trainer.accumulate(batch, POLICY);
    const weighted = BATCH.flatMap(({ weights, advantages = [] }) =>
      weights.map((weight, at) => weight * (advantages[at] ?? 0)),
    );
    expect(sums.loss).toBeCloseTo(-weighted.reduce((sum, value) => sum + value, 0) / POLICY.normalizer, 5);
    expect(sums).toMatchObject({ ratio: expect.closeTo(sums.tokens, 3), klOld: expect.closeTo(0, 6) });
    expect(await trainer.step(STEP)).toMatchObject({ weightVersion: '1' });
    const { files } = await trainer.save(checkpoint());
    expect(files.map(({ name }) => name)).toContain('model/model.safetensors');
    await syncsWithVllm(trainer);
    const first = await scores(trainer);

    // What comes of the second step when nothing happens.
    await trainer.accumulate(batch, POLICY);
    const second = await trainer.step(STEP);
    const reference = await scores(trainer);
    expect(reference).not.toEqual(first);

    await trainer.accumulate(batch, POLICY);
    await killedIn(trainer.accumulate(batch, POLICY), 5);
    await expect(trainer.logprobs(BATCH)).rejects.toMatchObject({ code: 'trainer_failed' });

    ({ trainer } = await resumed());
    expect(await scores(trainer)).toEqual(first);
    await trainer.accumulate(batch, POLICY);
    await killedIn(trainer.step(STEP), 0);

    ({ trainer } = await resumed());
    await trainer.accumulate(batch, POLICY);
    expect(await trainer.step(STEP)).toEqual(second);
    expect(await scores(trainer)).toEqual(reference);
    // In the place of the first checkpoint: either of them is there, whole.
    await killedIn(trainer.save(checkpoint()), 10);
    const last = await resumed();
    expect(['1', '2']).toContain(last.weightVersion);
    const kept = last.weightVersion === '1' ? first : reference;
    expect(await scores(last.trainer)).toEqual(kept);
    await last.trainer.save(checkpoint());
    await last.trainer.stop();
    const again = await resumed();
    expect(await scores(again.trainer)).toEqual(kept);
    await again.trainer.stop();
  }, 900_000);

  test('many processes compute as one, and none is left when they are ended in the middle', async () => {
    const [one, stop] = [await start(), new AbortController()];
    const many = await start(2, stop.signal);
    expect(await many.hello()).toMatchObject({ processes: 2 });
    const losses: number[] = [];
    const batch = BATCH.map((sequence) => ({ ...sequence, oldLogprobs: sequence.tokens.map(() => -4) }));
    for (const trainer of [one, many]) {
      await trainer.load(load());
      losses.push((await trainer.accumulate(batch, POLICY)).loss);
    }
    expect(losses[1]).toBeCloseTo(losses[0] ?? Number.NaN, 5);
    await one.stop();
    const work = many.accumulate(batch, POLICY);
    const family = trainersOfThisProcess().flatMap((pid) => [pid, ...childrenOf(pid)]);
    expect(family).toHaveLength(3);
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
    await many.stop();
    for (const pid of family) expect([pid, await isGone(pid)]).toEqual([pid, true]);
  }, 900_000);

  async function syncsWithVllm(trainer: Trainer): Promise<void> {
    const vllm = await vllmServer();
    try {
      const weights = join(folder, 'weights');
      const { weightVersion } = await trainer.sync({ kind: 'vllm_reload', url: vllm.url, folder: weights });
      expect([weightVersion, vllm.weights()]).toEqual(['1', weights]);
      expect(await readdir(weights)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']));
      await expect(trainer.sync({ kind: 'vllm_transfer', url: vllm.url })).rejects.toMatchObject({
        code: 'trainer_refused',
      });
    } finally {
      await vllm.close();
    }
  }

  async function refusals(trainer: Trainer): Promise<void> {
    const refused = (call: Promise<unknown>, code: string) => expect(call).rejects.toMatchObject({ code });
    await refused(trainer.logprobs(BATCH), 'internal');
    await refused(trainer.load(load({ resume: join(folder, 'none') })), 'checkpoint_broken');
    await refused(trainer.load(load({ model: { folder: join(folder, 'none') } })), 'trainer_refused');
    await trainer.load(load());
    await refused(trainer.logprobs([{ tokens: [1, VOCABULARY], weights: [0, 1] }]), 'trainer_refused');
    const infinite = BATCH.map((sequence) => ({
      ...sequence,
      oldLogprobs: sequence.tokens.map(() => 0),
      weights: sequence.weights.map((weight) => weight * 3e38),
    }));
    await refused(trainer.accumulate(infinite, POLICY), 'trainer_non_finite');
  }
});

const random = seededRandom(2);
const BATCH: Batch = [30, 12, 41].map((length) => {
  const each = (value: () => number) => Array.from({ length }, (_, at) => (at === 0 ? 0 : value()));
  return {
    tokens: Array.from({ length }, () => Math.floor(random() * VOCABULARY)),
    weights: each(() => (random() < 0.4 ? 0 : 1)),
    advantages: each(() => 2 * random() - 1),
  };
});

/** Kills the trainer, as a machine without memory would, while it does something. */
async function killedIn(work: Promise<unknown>, milliseconds: number): Promise<void> {
  const settled = Promise.allSettled([work]);
  await sleep(milliseconds);
  for (const pid of trainersOfThisProcess()) process.kill(pid, 'SIGKILL');
  const [result] = await settled;
  // It may have been done before.
  if (result.status === 'rejected')
    expect(result.reason).toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining('SIGKILL'),
    });
}

function childrenOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

function trainersOfThisProcess(): readonly number[] {
  const isTrainer = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('assay_trainer');
  return childrenOf(process.pid).filter(isTrainer);
}

/** A tokenizer of words, as the library writes it. */
async function writeTokenizer(path: string): Promise<void> {
  const vocab = Object.fromEntries(Array.from({ length: VOCABULARY }, (_, i) => [`w${i}`, i]));
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'Whitespace' },
    model: { type: 'WordLevel', vocab, unk_token: 'w2' },
  };
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'tokenizer.json'), JSON.stringify(tokenizer));
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', unk_token: 'w2', eos_token: 'w1' };
  await writeFile(join(path, 'tokenizer_config.json'), JSON.stringify(config));
}
