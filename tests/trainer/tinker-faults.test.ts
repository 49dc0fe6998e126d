import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { TinkerOptions } from '../../plugins/trainer/tinker/tinker.js';
import type { Batch, LoadOptions, Loss } from '../../plugins/trainer/trainer.js';
import type { Clock } from '../../src/index.js';
import { testClock } from '../helpers/jobs.js';
import type { Trouble } from './tinker-fake.js';
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
const BATCH: Batch = [
  { tokens: [1, 2, 3, 4], weights: [0, 1, 1, 1], advantages: [0, 1, -1, 2], oldLogprobs: [0, -1, -2, -1.5] },
  { tokens: [5, 0, 2], weights: [0, 0, 1], advantages: [0, 0, 1], oldLogprobs: [0, -1, -2] },
];
const after = ({ fake }: World) => [0, 1, 2, 3, 4, 5].map((token) => fake.trainer.after(token));

/** What the model is after two steps when nothing goes wrong. */
async function undisturbed(): Promise<readonly (readonly number[])[]> {
  const made = await world({ kind: 'hosted' });
  await twoSteps(made);
  return after(made);
}

async function twoSteps({ trainer, load }: World): Promise<void> {
  await load();
  for (let step = 0; step < 2; step++) {
    await trainer.accumulate(BATCH, CLIP);
    await trainer.step(STEP);
  }
}

describe('a request that gets no answer', () => {
  const troubles: readonly (readonly [string, Trouble])[] = [
    ['status 429 with a wait', { status: 429, headers: { 'retry-after': '3' } }],
    ['status 408', { status: 408 }],
    ['status 500', { status: 500 }],
    ['status 503 by a proxy', { status: 503, body: '<html>' }],
    ['a connection that breaks before', 'reset'],
    ['a connection that breaks after the work', 'reset after'],
    ['silence', 'silent'],
  ];
  test.each(troubles)('%s: is sent again with its number, and done once', async (_, trouble) => {
    const expected = await undisturbed();
    const troubled = ['create_session', 'create_model', 'forward_backward', 'optim_step', 'retrieve_future'];
    const made = await world(
      {
        kind: 'hosted',
        trouble: (path, count) =>
          troubled.includes(path) && count === (path.startsWith('create') ? 1 : 2) ? trouble : undefined,
      },
      // Silence is cut after 10 s, a tenth of a second here.
      { requestSeconds: 10 },
    );
    await twoSteps(made);
    expect(after(made)).toEqual(expected);
    const again = sent(made.fake, 'optim_step').map(({ body }) => JSON.stringify(body));
    expect(again).toHaveLength(3);
    expect(again[1]).toBe(again[2]);
  });

  test('that makes a model is not sent again to SkyRL, which would make two', async () => {
    const { load, fake } = await world({
      kind: 'skyrl_train',
      trouble: (path) => (path === 'create_model' ? 'reset after' : undefined),
    });
    expect(await errorOf(load())).toMatchObject({ code: 'trainer_failed' });
    expect(fake.requests.filter(({ path }) => path === 'create_model')).toHaveLength(1);
  });

  test('is not sent again to a server that knows no numbers, where it may have arrived', async () => {
    const made = await world({
      kind: 'skyrl_train',
      isIdempotent: false,
      trouble: (path, count) => (path === 'optim_step' && count === 1 ? 'reset after' : undefined),
    });
    const { trainer, load, fake, folder } = made;
    await load();
    await trainer.save(folder);
    await trainer.accumulate(BATCH, CLIP);
    expect(await errorOf(trainer.step(STEP))).toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining('whether it was done is not known'),
    });
    expect(sent(fake, 'optim_step')).toHaveLength(1);
    const next = await errorOf(trainer.accumulate(BATCH, CLIP));
    expect(next).toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining('load a checkpoint first'),
    });
    expect(await load({ resume: folder })).toMatchObject({ weightVersion: '0' });
    await trainer.accumulate(BATCH, CLIP);
  });

  test('is sent again to such a server where it can’t have been taken', async () => {
    const made = await world({
      kind: 'skyrl_train',
      isIdempotent: false,
      trouble: (path, count) => (path === 'optim_step' && count === 1 ? { status: 429 } : undefined),
    });
    await twoSteps(made);
    expect(sent(made.fake, 'optim_step')).toHaveLength(3);
  });

  test('ends with trainer_failed after the last try, and says what was tried', async () => {
    const retries: string[] = [];
    const made = await world(
      { kind: 'hosted', trouble: (path) => (path === 'optim_step' ? { status: 502 } : undefined) },
      { retries: 2, onRetry: (words) => retries.push(words) },
    );
    const error = await errorOf(twoSteps(made));
    expect(error).toMatchObject({ code: 'trainer_failed', retryable: true });
    expect(error.message).toContain('optim_step');
    expect(error.message).toContain('status 502');
    expect(retries).toEqual([
      expect.stringContaining('again in 0.8 s'),
      expect.stringContaining('again in 1.5 s'),
    ]);
  });

  test('rejects with the reason of an abort', async () => {
    const abort = new AbortController();
    const { load } = await world(
      { kind: 'hosted', trouble: (path) => (path === 'create_model' ? 'silent' : undefined) },
      { signal: abort.signal },
    );
    const loading = errorOf(load());
    setTimeout(() => abort.abort(new Error('enough')), 20);
    expect((await loading).message).toBe('enough');
  });
});

describe('a result', () => {
  test.each(['hosted', 'skyrl_train'] as const)('%s: is asked for until it is there', async (kind) => {
    const made = await world({ kind, polls: 3 });
    await twoSteps(made);
    const polls = made.fake.requests.filter(({ path }) => path === 'retrieve_future');
    // create_model, and two calls in each of two steps.
    expect(polls).toHaveLength(4 * 5);
  });

  test('that never comes is trainer_failed', async () => {
    const { load } = await world({ kind: 'hosted', polls: 1e6 }, { resultSeconds: 0.1 });
    expect(await errorOf(load())).toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining('no result in 0.1 s'),
    });
  });

  const failures = [
    ['hosted', { error: 'token 9 is unknown', category: 'user' }, 'trainer_refused'],
    ['hosted', { error: 'a node was lost', category: 'server' }, 'trainer_failed'],
    ['hosted', { error: 'who knows', category: 'unknown' }, 'trainer_failed'],
    ['skyrl_train', { error: 'Model model_1 not loaded' }, 'trainer_failed'],
    ['skyrl_train', { error: 'CUDA out of memory. Tried to allocate 20 GiB' }, 'trainer_out_of_memory'],
    ['skyrl_jax', { error: 'RESOURCE_EXHAUSTED: Out of memory allocating' }, 'trainer_out_of_memory'],
  ] as const;
  test.each(failures)('%s: that says %j is %s', async (kind, result, code) => {
    const outcome = (path: string) => (path === 'forward_backward' ? result : undefined);
    const { trainer, load } = await world({ kind, outcome });
    await load();
    const error = await errorOf(trainer.accumulate(BATCH, CLIP));
    expect(error).toMatchObject({ code, message: expect.stringContaining(result.error.slice(0, 15)) });
    expect(
      await errorOf(trainer.step({ ...STEP, gradientClip: kind === 'skyrl_jax' ? Infinity : 1 })),
    ).toMatchObject({
      code: 'trainer_failed',
    });
  });

  test('of a pass for log-probabilities alone may fail, and training goes on', async () => {
    const { trainer, load } = await world({
      kind: 'hosted',
      outcome: (path, count) =>
        path === 'forward' && count === 1 ? { error: 'a node was lost', category: 'server' } : undefined,
    });
    await load();
    expect(await errorOf(trainer.logprobs(BATCH))).toMatchObject({ code: 'trainer_failed' });
    await trainer.logprobs(BATCH);
    await trainer.accumulate(BATCH, CLIP);
    expect((await trainer.step(STEP)).weightVersion).toBe('1');
  });

  test('with fewer log-probabilities than tokens is trainer_failed', async () => {
    const loss_fn_outputs = BATCH.map(() => ({ logprobs: { data: [-1] } }));
    const { trainer, load } = await world({ kind: 'hosted', outcome: () => ({ loss_fn_outputs }) });
    await load();
    expect(await errorOf(trainer.logprobs(BATCH))).toMatchObject({
      code: 'trainer_failed',
      message: expect.stringContaining('1 log-probabilities for a sequence of 4 tokens'),
    });
  });

  test('with a number that is already used is a defect of ours', async () => {
    const { trainer, load } = await world({
      kind: 'hosted',
      trouble: (path) =>
        path === 'forward_backward'
          ? { status: 409, body: { detail: 'sequence number was reused' } }
          : undefined,
    });
    await load();
    expect(await errorOf(trainer.accumulate(BATCH, CLIP))).toMatchObject({ code: 'internal', class: 'ours' });
  });
});

describe('what is not finite', () => {
  test('is trainer_non_finite, and nothing more is done with that model', async () => {
    const loss_fn_outputs = BATCH.map(({ tokens }) => ({
      logprobs: { data: tokens.slice(1).map(() => null) },
    }));
    const outcome = (path: string) => (path === 'forward_backward' ? { loss_fn_outputs } : undefined);
    const { trainer, load, fake } = await world({ kind: 'hosted', outcome });
    await load();
    expect(await errorOf(trainer.accumulate(BATCH, CLIP))).toMatchObject({ code: 'trainer_non_finite' });
    expect(await errorOf(trainer.step(STEP))).toMatchObject({ code: 'trainer_failed' });
    expect(sent(fake, 'optim_step')).toHaveLength(0);
  });

  test('in a gradient that the server drops makes no new weights', async () => {
    const outcome = (path: string) =>
      path === 'optim_step' ? { metrics: { 'skyrl.ai/grad_norm': null } } : undefined;
    const { trainer, load } = await world({ kind: 'skyrl_train', outcome });
    await load();
    expect(await trainer.step(STEP)).toEqual({ gradientNorm: null, weightVersion: '0' });
    const other = await world({ kind: 'hosted', outcome });
    await other.load();
    expect(await errorOf(other.trainer.step(STEP))).toMatchObject({ code: 'trainer_non_finite' });
  });
});

describe('the key', () => {
  test('goes with each request, and is in no error', async () => {
    const { load } = await world({ kind: 'hosted', key: 'tml-right-key' }, { key: 'tml-right-key' });
    await load();
    const wrong = await world({ kind: 'hosted', key: 'tml-right-key' }, { key: 'tml-wrong-key' });
    const error = await errorOf(wrong.load());
    expect(error).toMatchObject({
      code: 'trainer_refused',
      message: expect.stringContaining('no such key: [key]'),
    });
    expect(inspect(error)).not.toContain('tml-wrong-key');
  });
});

describe('a session', () => {
  test('has a heartbeat while nothing is asked, and none after its end', async () => {
    const real = testClock(100);
    const timers = new Set<object>();
    const after: Clock['after'] = (ms, fire) => {
      const timer = {};
      timers.add(timer);
      const cancel = real.after(ms, () => {
        timers.delete(timer);
        fire();
      });
      return () => {
        timers.delete(timer);
        cancel();
      };
    };
    const { trainer, load, fake } = await world({ kind: 'hosted' }, { clock: { ...real, after } });
    const beats = () => fake.requests.filter(({ path }) => path === 'session_heartbeat').length;
    await load();
    while (beats() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await trainer.stop();
    while (timers.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(timers.size).toBe(0);
  });

  test('frees the model before it makes another one: SkyRL trains all parameters of one alone', async () => {
    const { load, fake } = await world({ kind: 'skyrl_train' });
    await load();
    await load();
    const paths = fake.requests.map(({ path }) => path).filter((path) => path.endsWith('_model'));
    expect(paths).toEqual(['create_model', 'unload_model', 'create_model']);
  });
});

test('a URL where something else listens is refused', async () => {
  const { fake, trainer } = await world({ kind: 'hosted' });
  const wrong = await world({ kind: 'hosted' }, { url: `${fake.url}/elsewhere` });
  expect(await errorOf(wrong.trainer.hello())).toMatchObject({
    code: 'trainer_refused',
    message: expect.stringContaining('is no Tinker server'),
  });
  await trainer.hello();
});

describe('what a server can’t do is refused at the start', () => {
  const plan = (loss: Loss, gradientClip = 1): Partial<TinkerOptions> => ({
    plan: { losses: [loss], gradientClip },
  });
  const plans: readonly (readonly [
    'hosted' | 'skyrl_train' | 'skyrl_jax',
    Partial<TinkerOptions>,
    string,
  ])[] = [
    ['hosted', plan({ ...CLIP, dualClip: 3 }), 'dualClip 3: the Tinker service has no dual clip'],
    [
      'hosted',
      plan({ ...CLIP, ratioLevel: 'sequence' }),
      'ratioLevel sequence: the Tinker service has no such ratio',
    ],
    ['skyrl_train', plan({ ...CLIP, surrogate: 'cispo' }), 'surrogate cispo: SkyRL'],
    ['skyrl_train', plan(CLIP, 0.5), 'gradientClip 0.5: SkyRL'],
    ['skyrl_jax', plan(CLIP, 1), 'gradientClip 1: SkyRL’s JAX backend has no gradient clipping'],
  ];
  test.each(plans)('%s: %j', async (kind, options, words) => {
    const { trainer, load, fake } = await world({ kind }, options);
    for (const error of [await errorOf(trainer.hello()), await errorOf(load())]) {
      expect(error.code).toBe('trainer_refused');
      expect(error.message.replaceAll("'", '’')).toContain(words);
    }
    expect(fake.requests).toEqual([]);
  });

  test('and known where the client computes the gradients', async () => {
    const loss: Loss = { ...CLIP, dualClip: 3, ratioLevel: 'sequence', tisCap: 2 };
    const { trainer } = await world({ kind: 'skyrl_train' }, { ...plan(loss), gradients: 'client' });
    expect(await trainer.hello()).toMatchObject({
      protocol: 1,
      capabilities: { ratioLevels: ['token', 'sequence'], entropy: false, sync: ['tinker'] },
      versions: { server: 'Tinker API Mock 0.0.1' },
    });
  });

  const loads: readonly (readonly ['hosted' | 'skyrl_train', Partial<LoadOptions>, string])[] = [
    ['hosted', { model: { config: {}, tokenizer: '' } }, 'model config'],
    ['hosted', { model: { folder: 'other' } }, 'model other'],
    ['hosted', { yarn: 4 }, 'yarn 4'],
    ['hosted', { lora: { rank: 8, alpha: 16 } }, 'lora alpha 16'],
    ['skyrl_train', { optimizer: { ...ADAM, weightDecay: 0 } }, 'adam_betas and weight_decay'],
  ];
  test.each(loads)('%s: load of %j', async (kind, options, words) => {
    const { load, fake } = await world({ kind });
    const error = await errorOf(load(options));
    expect(error).toMatchObject({ code: 'trainer_refused', message: expect.stringContaining(words) });
    expect(fake.requests).toEqual([]);
  });

  test('also in a call that wasn’t planned, before anything is sent', async () => {
    const { trainer, load, fake } = await world({ kind: 'hosted' });
    await load();
    expect(await errorOf(trainer.accumulate(BATCH, { ...CLIP, dualClip: 3 }))).toMatchObject({
      code: 'trainer_refused',
    });
    expect(sent(fake)).toEqual([]);
    await trainer.accumulate(BATCH, CROSS_ENTROPY);
  });
});
