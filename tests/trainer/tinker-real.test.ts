import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type TinkerOptions, tinkerTrainer } from '../../plugins/trainer/tinker/tinker.js';
import type { Batch, Loss, LossSums, Sequence, Trainer } from '../../plugins/trainer/trainer.js';
import { packageRoot } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';

/** Opt-in: plugins/trainer/tinker/README.md says how to start such a server. */
const {
  ASSAY_TINKER_URL: url = '',
  ASSAY_TINKER_MODEL: folder = '',
  ASSAY_PYTHON: python = '',
} = process.env;
const real = url === '' ? describe.skip : describe;

const EPS = 1;
const ADAM = { betas: [0, 0], eps: EPS, weightDecay: 0.1 } as const;
const RATE = 0.05;
const VOCABULARY = 253;

real('a SkyRL server on a CPU', () => {
  const random = seeded(7);
  const scratch = mkdtempSync(join(tmpdir(), 'tinker-real-'));
  const trainers: Trainer[] = [];
  // A server has room for a few models.
  afterEach(() => Promise.all(trainers.splice(0).map((trainer) => trainer.stop())));
  const open = async (options: Partial<TinkerOptions>, resume?: string) => {
    const trainer = tinkerTrainer({
      url,
      clock: testClock(),
      random: Math.random,
      signal: new AbortController().signal,
      server: { kind: 'skyrl_jax', sequencesPerStep: 16 },
      gradients: 'server',
      plan: { losses: [], gradientClip: Number.POSITIVE_INFINITY },
      ...options,
    });
    trainers.push(trainer);
    const loaded = await trainer.load({
      model: { folder },
      optimizer: ADAM,
      seed: 1,
      microBatchTokens: 4096,
      lora: { rank: 8, alpha: 32 },
      checkpointing: false,
      ...(resume === undefined ? {} : { resume }),
    });
    return { trainer, loaded };
  };
  /** The weights as they are, in a file. */
  const weights = async (trainer: Trainer): Promise<string> => {
    const { model = '' } = await trainer.sync({ kind: 'tinker', url });
    const [, , id, ...rest] = model.split('/');
    const response = await fetch(`${url}/api/v1/training_runs/${id}/checkpoints/${rest.at(-1)}/archive`);
    expect(response.status).toBe(200);
    const file = join(scratch, `${id}-${rest.at(-1)}.tar`);
    writeFileSync(file, Buffer.from(await response.arrayBuffer()));
    return file;
  };
  const reference = (asked: object): Reference => {
    const script = join(packageRoot(), 'tests/trainer/tinker_reference.py');
    const { stdout, stderr, status } = spawnSync(python, [script], {
      input: JSON.stringify(asked),
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Reference;
  };
  const sequence = (length: number): Sequence => {
    const tokens = Array.from({ length }, () => Math.floor(random() * VOCABULARY));
    return { tokens, weights: tokens.map((_, at) => (at < length / 4 ? 0 : 0.5 + random())) };
  };
  /** With old log-probabilities near the present ones, so that ratios fall on both sides of the bounds. */
  const withPolicy = (batch: Batch, logprobs: readonly Float32Array[]): Batch =>
    batch.map((one, index) => {
      const near = (at: number) => (logprobs[index]?.[at] ?? 0) + (random() - 0.5);
      const oldLogprobs = one.tokens.map((_, at) => near(at));
      const rolloutLogprobs = oldLogprobs.map((old, at) =>
        at % 5 === 0 ? Number.NaN : old + random() - 0.5,
      );
      return { ...one, advantages: one.tokens.map(() => random() * 4 - 2), oldLogprobs, rolloutLogprobs };
    });
  const batch = [5, 17, 9, 30, 12].map(sequence);
  const normalizer = batch.flatMap((one) => one.weights).filter((weight) => weight !== 0).length;

  test('gives the log-probabilities of transformers', async () => {
    const { trainer } = await open({ chunkTokens: 30 });
    const { logprobs } = await trainer.logprobs(batch);
    const expected = reference({ model: folder, before: await weights(trainer), batch });
    const worst = Math.max(
      ...expected.logprobs.flatMap((row, i) => row.map((lp, t) => Math.abs(lp - (logprobs[i]?.[t] ?? 9)))),
    );
    say('largest difference of log-probabilities', worst);
    expect(worst).toBeLessThan(1e-4);
  });

  test('lowers a cross-entropy loss, and goes on from a checkpoint as if nothing had been', async () => {
    const { trainer } = await open({});
    const losses: number[] = [];
    const round = async (with_: Trainer) => {
      losses.push((await with_.accumulate(batch, { kind: 'cross_entropy', normalizer })).loss);
      return with_.step({ learningRate: 3, gradientClip: Number.POSITIVE_INFINITY });
    };
    for (let i = 0; i < 6; i++) await round(trainer);
    const at = join(scratch, 'checkpoint');
    await trainer.save(at);
    const last = await round(trainer);
    const { trainer: resumed, loaded } = await open({}, at);
    const again = await round(resumed);
    say('losses', losses.map((loss) => loss.toFixed(4)).join(' '));
    expect(losses[5]).toBeLessThan(losses[0] ?? 0);
    expect(loaded.weightVersion).toBe('6');
    expect(losses.at(-1)).toBeCloseTo(losses.at(-2) ?? 0, 5);
    expect(again).toEqual({ weightVersion: '7', gradientNorm: expect.closeTo(last.gradientNorm ?? 0, 4) });
  });

  const clip = {
    kind: 'policy',
    normalizer,
    clipLow: 0.2,
    clipHigh: 0.3,
    ratioLevel: 'token',
    surrogate: 'clip',
  } as const;
  const cases: readonly (readonly [string, 'server' | 'client', Loss])[] = [
    ['cross_entropy', 'server', { kind: 'cross_entropy', normalizer }],
    ['ppo', 'server', clip],
    ['ppo with tis', 'server', { ...clip, tisCap: 1.2 }],
    ['cispo', 'server', { ...clip, surrogate: 'cispo' }],
    ['ppo', 'client', clip],
    ['dual clip with tis', 'client', { ...clip, dualClip: 1.4, tisCap: 1.2 }],
    ['sequence ratios', 'client', { ...clip, ratioLevel: 'sequence', clipLow: 0.01, clipHigh: 0.01 }],
    ['cispo', 'client', { ...clip, surrogate: 'cispo' }],
  ];
  test.each(cases)(
    '%s with gradients by the %s makes the step that the local trainer’s loss makes',
    async (_, gradients, loss) => {
      const { trainer } = await open({
        gradients,
        plan: { losses: [loss], gradientClip: Number.POSITIVE_INFINITY },
        chunkTokens: 30,
      });
      // Away from B = 0, where the gradient of A is 0.
      await trainer.accumulate(batch, { kind: 'cross_entropy', normalizer });
      await trainer.step({ learningRate: 1, gradientClip: Number.POSITIVE_INFINITY });
      const before = await weights(trainer);
      const { logprobs } = await trainer.logprobs(batch);
      const given = loss.kind === 'policy' ? withPolicy(batch, logprobs) : batch;
      // Two calls, and three requests: a gradient is a sum.
      const parts = [given.slice(0, 2), given.slice(2)];
      const sums: LossSums[] = [];
      for (const part of parts) sums.push(await trainer.accumulate(part, loss));
      const { gradientNorm } = await trainer.step({
        learningRate: RATE,
        gradientClip: Number.POSITIVE_INFINITY,
      });
      const asked = { model: folder, before, after: await weights(trainer), batch: given, loss, eps: EPS };
      const expected = reference({ ...asked, learningRate: RATE, weightDecay: ADAM.weightDecay });
      const total = (name: keyof LossSums) => sums.reduce((sum, part) => sum + part[name], 0);
      say(
        `step ${_} by ${gradients}`,
        `largest change ${expected.largest}, largest difference ${expected.worst}, gradient norm ${gradientNorm} and ${expected.norm}, loss ${total('loss')} and ${expected.sums['loss']}`,
      );
      expect(expected.worst).toBeLessThan(expected.largest * 1e-4);
      expect(gradientNorm).toBeCloseTo(expected.norm, 4);
      expect(total('loss')).toBeCloseTo(expected.sums['loss'] ?? 0, 4);
      for (const name of [
        'tokens',
        'clippedLow',
        'clippedHigh',
        'clippedDual',
        'tisCapped',
        'mismatchTokens',
      ] as const)
        expect([name, total(name)]).toEqual([name, expected.sums[snake(name)]]);
      for (const name of ['ratio', 'klOld', 'mismatchKl', 'mismatchAbs'] as const)
        expect(total(name)).toBeCloseTo(expected.sums[snake(name)] ?? 0, 3);
    },
  );
});

interface Reference {
  readonly logprobs: readonly (readonly number[])[];
  readonly sums: Readonly<Record<string, number>>;
  /** Largest difference of a weight from what it should be, and largest change. */
  readonly worst: number;
  readonly largest: number;
  readonly norm: number;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function say(what: string, value: unknown): void {
  process.stderr.write(`${what}: ${value}\n`);
}

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
