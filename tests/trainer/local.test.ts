import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type LocalTrainerOptions, localTrainer } from '../../plugins/trainer/local.js';
import type { LoadOptions, Trainer } from '../../plugins/trainer/trainer.js';
import { packageRoot } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';
import { isGone } from '../helpers/trainer.js';
import { vllmServer } from './vllm-server.js';

let folder = '';
let trainers: Trainer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-trainer-'));
});
afterEach(async () => {
  await Promise.all(trainers.map((trainer) => trainer.stop()));
  trainers = [];
  await rm(folder, { recursive: true, force: true });
});

const FAKE = join(packageRoot(), 'tests', 'trainer', 'fake-child.mjs');

async function start(scene: string, more: Partial<LocalTrainerOptions> = {}): Promise<Trainer> {
  const trainer = await localTrainer({
    python: FAKE,
    cacheFolder: join(folder, 'cache'),
    env: {
      PATH: process.env['PATH'],
      SCENE: scene,
      REQUESTS: join(folder, 'requests'),
      OFFSPRING: join(folder, 'offspring'),
    },
    processes: 1,
    workFolder: join(folder, 'work'),
    logFile: join(folder, 'log'),
    clock: testClock(),
    signal: new AbortController().signal,
    ...more,
  });
  trainers.push(trainer);
  return trainer;
}

async function requests(): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, 'requests'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const BATCH = [
  { tokens: [1, 2, 3], weights: [0, 1, 1], advantages: [0, 1, 1], oldLogprobs: [0, -1, -1] },
  { tokens: [4, 5], weights: [0, 1], advantages: [0, 1], oldLogprobs: [0, -1] },
];
const CE = { kind: 'cross_entropy', normalizer: 3 } as const;
const LOAD: LoadOptions = {
  model: { config: { model_type: 'qwen2' }, tokenizer: 'toy' },
  optimizer: { betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 },
  seed: 1,
  microBatchTokens: 64,
  checkpointing: false,
};

describe('a trainer that does what it should', () => {
  test('is asked in the words of the protocol and answers in ours', async () => {
    const trainer = await start('');
    expect(await trainer.hello()).toMatchObject({ capabilities: { ratioLevels: ['token', 'sequence'] } });
    expect(await trainer.load(LOAD)).toEqual({
      weightVersion: '0',
      parameters: 10,
      vocabulary: 8,
      context: 64,
    });
    const policy = {
      kind: 'policy',
      normalizer: 3,
      clipLow: 0.2,
      clipHigh: 0.3,
      ratioLevel: 'token',
      surrogate: 'clip',
      tisCap: 2,
    } as const;
    expect(await trainer.accumulate(BATCH, policy)).toMatchObject({ clippedHigh: 1, klOld: 0.1 });
    expect(await trainer.step({ learningRate: 1e-6, gradientClip: 1 })).toEqual({
      gradientNorm: null,
      weightVersion: '0',
    });
    expect((await trainer.save(join(folder, 'checkpoint'))).files).toHaveLength(1);
    expect(await requests()).toEqual([
      { id: 1, op: 'hello' },
      { id: 2, op: 'hello' },
      {
        id: 3,
        op: 'load',
        model: LOAD.model,
        optimizer: { betas: [0.9, 0.95], eps: 1e-8, weight_decay: 0.1 },
        seed: 1,
        micro_batch_tokens: 64,
        checkpointing: false,
      },
      {
        id: 4,
        op: 'accumulate',
        seq: 1,
        batch: { path: expect.any(String), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
        loss: {
          kind: 'policy',
          normalizer: 3,
          clip_low: 0.2,
          clip_high: 0.3,
          ratio_level: 'token',
          surrogate: 'clip',
          tis_cap: 2,
        },
      },
      { id: 5, op: 'step', seq: 2, learning_rate: 1e-6, gradient_clip: 1 },
      { id: 6, op: 'save', seq: 3, folder: join(folder, 'checkpoint') },
    ]);
  });

  test('scores come back for each sequence of the batch', async () => {
    const trainer = await start('');
    const { logprobs, entropies } = await trainer.logprobs(BATCH);
    expect(logprobs.map((scores) => [...scores])).toEqual([
      [-0, -1, -2],
      [-3, -4],
    ]);
    expect(entropies?.map((scores) => [...scores])).toEqual([
      [-5, -6, -7],
      [-8, -9],
    ]);
  });

  test('numbers of calls begin where they are told to, and go on after those of a checkpoint', async () => {
    const trainer = await start('', { nextSeq: 5 });
    await trainer.accumulate(BATCH, CE);
    await trainer.load({ ...LOAD, resume: folder });
    await trainer.accumulate(BATCH, CE);
    expect((await requests()).flatMap(({ seq }) => (seq === undefined ? [] : [seq]))).toEqual([5, 42]);
  });

  test('calls that are made at once are done one after the other', async () => {
    const trainer = await start('');
    const all = [
      trainer.accumulate(BATCH, CE),
      trainer.accumulate(BATCH, CE),
      trainer.step({ learningRate: 1, gradientClip: 1 }),
    ];
    await Promise.all(all);
    expect((await requests()).map(({ op }) => op)).toEqual(['hello', 'accumulate', 'accumulate', 'step']);
  });

  test('it leaves no file of a batch behind', async () => {
    const trainer = await start('accumulate:out_of_memory');
    await trainer.logprobs(BATCH);
    await expect(trainer.accumulate(BATCH, CE)).rejects.toMatchObject({ code: 'trainer_out_of_memory' });
    const [work = ''] = await readdir(join(folder, 'work'));
    expect(await readdir(join(folder, 'work', work))).toEqual([]);
    await trainer.stop();
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });

  test('a flood of words on its stderr goes to the log', async () => {
    const trainer = await start('flood:yes');
    await trainer.accumulate(BATCH, CE);
    expect((await readFile(join(folder, 'log'))).length).toBeGreaterThan(2_000_000);
  });

  test('weights go where it says that it can bring them', async () => {
    const vllm = await vllmServer();
    try {
      const trainer = await start('');
      const embedded = { kind: 'embedded', host: '127.0.0.1', port: 0, model: 'toy' } as const;
      expect(await trainer.sync(embedded)).toEqual({ weightVersion: '0', url: 'http://127.0.0.1:1/v1' });
      const weights = join(folder, 'weights');
      const synced = await trainer.sync({ kind: 'vllm_reload', url: vllm.url, folder: weights });
      expect(synced).toEqual({ weightVersion: '0', url: `${vllm.url}/v1` });
      expect(vllm.weights()).toBe(weights);
      const targets = (await requests()).flatMap(({ target }) => (target === undefined ? [] : [target]));
      expect(targets).toEqual([embedded, { kind: 'folder', folder: weights }]);
      await expect(trainer.sync({ kind: 'vllm_transfer', url: vllm.url })).rejects.toMatchObject({
        code: 'trainer_refused',
        message: expect.stringContaining('embedded, vllm_reload is what it can'),
      });
    } finally {
      await vllm.close();
    }
  });

  test('one that does not end when it is told to is killed', async () => {
    const trainer = await start('staysup:yes', { deadlines: { stop: 0.2 } });
    await trainer.stop();
    await expect(trainer.step({ learningRate: 1, gradientClip: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('was stopped'),
    });
  });
});

describe('errors of the trainer', () => {
  test.each([
    ['bad_batch', 'trainer_refused'],
    ['model_unreadable', 'trainer_refused'],
    ['unsupported', 'trainer_refused'],
    ['checkpoint_broken', 'checkpoint_broken'],
    ['out_of_memory', 'trainer_out_of_memory'],
    ['disk_full', 'disk_full'],
    ['non_finite', 'trainer_non_finite'],
    ['seq_conflict', 'internal'],
    ['internal', 'trainer_failed'],
    ['a_code_of_tomorrow', 'trainer_failed'],
  ])('%s is %s, and the trainer goes on', async (code, ours) => {
    const trainer = await start(`save:${code}`);
    await expect(trainer.save(folder)).rejects.toMatchObject({
      code: ours,
      message: `save: as scripted (${code})`,
    });
    expect(await trainer.step({ learningRate: 1, gradientClip: 1 })).toMatchObject({ weightVersion: '0' });
  });

  test('a batch that can not be computed is refused before anything is sent', async () => {
    const trainer = await start('');
    const batch = [...BATCH, { tokens: [1, 2], weights: [0] }];
    await expect(trainer.accumulate(batch, CE)).rejects.toMatchObject({
      code: 'trainer_refused',
      message: 'sequence 2 of the batch: 1 weights for 2 tokens',
    });
    expect(await requests()).toHaveLength(1);
  });
});

describe('a trainer that fails', () => {
  test.each([
    ['die', 'ended with exit code 3 while it was to do accumulate'],
    ['killed', 'ended with signal SIGKILL (by hand, or by a machine that had no memory left) while'],
    ['garbage', 'said "Loading weights: 100%", which is no JSON'],
    ['huge', 'writes a line of more than 16777216 bytes'],
    ['other', 'the request is 2'],
    ['misfit', "the trainer's answer to accumulate is not what the protocol says"],
  ])('by "%s" says so, and every later call rejects at once', async (what, words) => {
    const trainer = await start(`accumulate:${what}`);
    const failed = { code: 'trainer_failed', message: expect.stringContaining(words) };
    const calls = [trainer.accumulate(BATCH, CE), trainer.step({ learningRate: 1, gradientClip: 1 })];
    for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: failed });
    await expect(trainer.save(folder)).rejects.toMatchObject(failed);
  });

  test('shows the end of what it wrote, not what others wrote before', async () => {
    await expect(start('hello:die')).rejects.toMatchObject({ code: 'trainer_failed' });
    const trainer = await start('step:die');
    await expect(trainer.step({ learningRate: 1, gradientClip: 1 })).rejects.toMatchObject({
      detail: 'Traceback (most recent call last):\n  boom',
    });
  });

  test('by a line that nobody asked for', async () => {
    const trainer = await start('accumulate:twice');
    await trainer.accumulate(BATCH, CE);
    await expect(trainer.step({ learningRate: 1, gradientClip: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('wrote a line that nobody asked for: "{}"'),
    });
  });

  test('by a hang is killed at the deadline, with all that it started', async () => {
    const trainer = await start('step:offspring', { deadlines: { step: 1 } });
    await expect(trainer.step({ learningRate: 1, gradientClip: 1 })).rejects.toMatchObject({
      message: expect.stringMatching(/did not answer to step in 1 s; its log is/),
    });
    await trainer.stop();
    expect(await isGone(Number(await readFile(join(folder, 'offspring'), 'utf8')))).toBe(true);
  });

  test('is killed when the signal is aborted, and calls reject with its reason', async () => {
    const stop = new AbortController();
    const trainer = await start('step:hang', { signal: stop.signal });
    const step = trainer.step({ learningRate: 1, gradientClip: 1 });
    await Promise.all([
      expect(step).rejects.toThrow('enough'),
      sleep(50).then(() => stop.abort(new Error('enough'))),
    ]);
    await expect(trainer.hello()).rejects.toThrow('enough');
  });
});

describe('a trainer that can not be started', () => {
  test('as its environment was not made', async () => {
    await expect(start('', { python: undefined })).rejects.toMatchObject({
      code: 'trainer_missing',
      message: expect.stringContaining(join(folder, 'cache', 'trainer')),
      fix: expect.stringContaining('npm run trainer:setup'),
    });
  });

  test('as there is no such program', async () => {
    await expect(start('', { python: '/no/such/python' })).rejects.toMatchObject({
      code: 'trainer_missing',
      message: expect.stringContaining('/no/such/python'),
    });
  });

  test('as a package is missing', async () => {
    await expect(start('hello:nopackage')).rejects.toMatchObject({
      code: 'trainer_missing',
      message: expect.stringContaining('has no package torch'),
    });
    expect(await readdir(join(folder, 'work'))).toEqual([]);
  });
});
