import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DapoConfig, resolveDapo } from '../../plugins/dapo/config.js';
import { DapoEntry } from '../../plugins/dapo/entries.js';
import { type DapoRun, trainDapo } from '../../plugins/dapo/train.js';
import { openJournal } from '../../plugins/trainer/journal.js';
import { checkpointOf } from '../../plugins/trainer/lifetime.js';
import type { ScoredTrajectory } from '../../plugins/trainer/scored.js';
import { AssayError, seededRandom } from '../../src/index.js';
import { episode, result, turn } from '../agent/records.js';
import { testClock } from '../helpers/jobs.js';
import { type FakeTrainer, fakeTrainer } from '../trainer/fake-trainer.js';

const VOCABULARY = 6;
const POOL = ['p0', 'p1', 'p2'];
/** Problem n is solved by an episode whose last token is n + 3. */
const isSolved = (problem: string, token: number) => token === Number(problem.slice(1)) + 3;

const settings = (more: Record<string, unknown> = {}): DapoConfig =>
  resolveDapo({
    preset: 'golubev2025-stage1',
    dataset: { name: 'any' },
    model: { folder: 'none' },
    output: { folder: 'none' },
    policy: { maxTokens: 4 },
    iterations: 3,
    algorithm: { problems: 3, group: 8, batch: 8, ...more },
    optimizer: { learningRate: 0.3, warmupSteps: 0, weightDecay: 0 },
  }).settings;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-dapo-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A kill of the whole process at a moment that is counted in the trainer's operations. */
class Killed extends Error {}

interface World {
  /** Iterations whose episodes were sampled, one entry each time. */
  readonly sampled: number[];
  readonly warnings: string[];
  readonly disk: Map<number, readonly ScoredTrajectory[]>;
  /** Ends the present trainer. */
  die?: (error: Error) => void;
  /** Of a step of the run, in place of the trainer's. */
  gradientNorm?: (step: number) => number | null;
}

const world = (): World => ({ sampled: [], warnings: [], disk: new Map() });

/** Operations of the trainer until a fault, and what it is. */
interface Fault {
  readonly at: number;
  readonly error: () => Error;
}

async function train(
  on: World,
  fault?: Fault,
  more: Partial<DapoRun> = {},
  around: (play: DapoRun['play']) => DapoRun['play'] = (play) => play,
): Promise<void> {
  let operations = 0;
  let trainer: FakeTrainer | undefined;
  await trainDapo({
    settings: settings(),
    pool: POOL,
    folder,
    journal: await openJournal(join(folder, 'journal.jsonl'), DapoEntry),
    async openTrainer() {
      trainer = fakeTrainer({
        before: () => {
          if (++operations === fault?.at) throw fault.error();
        },
      });
      const over = new AbortController();
      on.die = (error) => over.abort(error);
      const { step } = trainer;
      return {
        ...trainer,
        over: over.signal,
        async step(options) {
          const stepped = await step(options);
          const norm = on.gradientNorm?.(Number(stepped.weightVersion));
          return norm === undefined ? stepped : { ...stepped, gradientNorm: norm };
        },
      };
    },
    load: {
      model: { config: { vocabulary: VOCABULARY }, tokenizer: '' },
      optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
      ...{ seed: 1, microBatchTokens: 1000, checkpointing: false },
    },
    target: { kind: 'embedded', host: '127.0.0.1', port: 0, model: 'policy' },
    play: around(async ({ iteration, problems, weightVersion }) => {
      if (!on.disk.has(iteration)) {
        on.sampled.push(iteration);
        on.disk.set(iteration, episodes(trainer as FakeTrainer, { iteration, problems, weightVersion }));
      }
      const known = on.disk.get(iteration) ?? [];
      return {
        async *episodes(ids) {
          for (const one of known) if (ids?.has(one.trajectory.episode.instanceId) !== false) yield one;
        },
      };
    }),
    onEvent: () => undefined,
    onWarning: (message) => on.warnings.push(message),
    clock: testClock(),
    signal: new AbortController().signal,
    ...more,
  });
}

/** Of each problem, eight episodes of two turns with a token each. */
function episodes(
  trainer: FakeTrainer,
  {
    iteration,
    problems,
    weightVersion,
  }: { iteration: number; problems: readonly string[]; weightVersion: string },
): readonly ScoredTrajectory[] {
  const random = seededRandom(iteration);
  return problems.flatMap((instanceId) =>
    Array.from({ length: 8 }, (_, index): ScoredTrajectory => {
      const draw = (before: number) => {
        const logprobs = trainer.after(before);
        const drawn = random();
        const below = logprobs.map((_, at) => sum(logprobs.slice(0, at + 1).map(Math.exp)));
        const token = below.findIndex((bound, at) => drawn < bound || at === VOCABULARY - 1);
        return { token, logprob: logprobs[token] ?? 0 };
      };
      const first = draw(Number(instanceId.slice(1)));
      const second = draw(Number(instanceId.slice(1)));
      const turnOf = (at: number, { token, logprob }: { token: number; logprob: number }) =>
        turn(at, {
          tokens: { contextIds: [Number(instanceId.slice(1))], sampledIds: [token], logprobs: [logprob] },
          weightVersion,
        });
      return {
        trajectory: {
          episode: episode({ instanceId, sample: index + 1, mode: 'token' }),
          turns: [turnOf(1, first), turnOf(2, second)],
          result: result(2),
        },
        outcome: isSolved(instanceId, second.token) ? 1 : 0,
      };
    }),
  );
}

const weights = (iteration: number) => readFile(join(checkpointOf(folder, iteration), 'bigram.json'), 'utf8');

describe('a training by DAPO', () => {
  test('learns what is rewarded, and keeps the newest checkpoints', async () => {
    const on = world();
    await train(on, undefined, { settings: { ...settings(), iterations: 12 } });
    const solved = [...on.disk.values()].map((all) => all.filter(({ outcome }) => outcome === 1).length);
    expect((solved[10] ?? 0) + (solved[11] ?? 0)).toBeGreaterThan(2 * ((solved[0] ?? 0) + (solved[1] ?? 0)));
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['0011', '0012']);
  });

  test('that is killed at any operation of the trainer goes on to the same weights, and samples nothing twice', async () => {
    await train(world());
    const expected = await weights(3);
    const operations = await countOperations();
    for (let at = 1; at <= operations; at++) {
      await rm(folder, { recursive: true, force: true });
      const on = world();
      await expect(train(on, { at, error: () => new Killed(`at ${at}`) })).rejects.toThrow(Killed);
      await train(on);
      expect(await weights(3)).toBe(expected);
      expect(on.sampled).toEqual([1, 2, 3]);
      expect(on.warnings.filter((words) => words.includes('computed once more'))).toEqual([]);
    }
  });

  async function countOperations(): Promise<number> {
    for (let at = 1; ; at++) {
      await rm(folder, { recursive: true, force: true });
      const ended = await train(world(), { at, error: () => new Killed() }).then(
        () => true,
        () => false,
      );
      if (ended) return at - 1;
    }
  }

  test('starts a trainer that has died again, from the last checkpoint', async () => {
    await train(world());
    const expected = await weights(3);
    await rm(folder, { recursive: true, force: true });
    const on = world();
    await train(on, { at: 14, error: () => new AssayError('trainer_failed', 'the trainer was killed') });
    expect(on.warnings[0]).toContain('the trainer was killed; starting it again');
    expect(on.sampled).toEqual([1, 2, 3]);
    expect(await weights(3)).toBe(expected);
  });

  test('starts a trainer again that dies while episodes are played', async () => {
    await train(world());
    const expected = await weights(3);
    await rm(folder, { recursive: true, force: true });
    const on = world();
    let dies = true;
    await train(on, undefined, {}, (play) => async (asked) => {
      if (asked.iteration !== 2 || !dies) return play(asked);
      dies = false;
      on.die?.(new AssayError('trainer_failed', 'the trainer was killed'));
      throw new AssayError('interrupted', `no more requests: ${asked.over.aborted}`);
    });
    expect(on.warnings[0]).toBe('the trainer was killed; starting it again');
    expect(await weights(3)).toBe(expected);
  });

  test('applies no gradient that is not finite, and its last checkpoint stands', async () => {
    const on = world();
    on.gradientNorm = (step) => (step === 4 ? null : 1);
    await expect(train(on)).rejects.toMatchObject({ code: 'trainer_non_finite' });
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['0001']);
  });

  test('stops with an error of the trainer that would come again, and its last checkpoint stands', async () => {
    const full = { at: 1, error: () => new AssayError('disk_full', 'no space is left') };
    await expect(train(world(), full)).rejects.toMatchObject({ code: 'disk_full' });
  });

  test('stops where the machine fails too many episodes', async () => {
    const on = world();
    const lost = async () => ({
      async *episodes() {
        for (const one of episodes(fakeLoaded, { iteration: 1, problems: POOL, weightVersion: '0' }))
          yield { ...one, outcome: one.trajectory.episode.sample <= 5 ? null : one.outcome };
      },
    });
    const fakeLoaded = await loaded();
    await expect(train(on, undefined, { play: lost })).rejects.toMatchObject({ code: 'too_many_failures' });
  });

  test('goes on with what is left of groups where the machine failed some', async () => {
    const fake = await loaded();
    const half = async ({ weightVersion }: { weightVersion: string }) => ({
      async *episodes() {
        for (const one of episodes(fake, { iteration: 1, problems: POOL, weightVersion }))
          yield { ...one, outcome: one.trajectory.episode.sample <= 4 ? null : one.outcome };
      },
    });
    await train(world(), undefined, { play: half });
    const { entries } = await openJournal(join(folder, 'journal.jsonl'), DapoEntry);
    const last = entries.findLast(({ type }) => type === 'iteration');
    expect(last).toMatchObject({ iteration: 3, counts: { episodes: 24, unscorable: 12 } });
  });

  test('refuses episodes of other weights than the trainer has', async () => {
    const fake = await loaded();
    const stale = async () => ({
      async *episodes() {
        yield* episodes(fake, { iteration: 1, problems: POOL, weightVersion: '17' });
      },
    });
    await expect(train(world(), undefined, { play: stale })).rejects.toMatchObject({ code: 'stale_weights' });
  });

  async function loaded(): Promise<FakeTrainer> {
    const fake = fakeTrainer();
    await fake.load({
      model: { config: { vocabulary: VOCABULARY }, tokenizer: '' },
      optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0 },
      ...{ seed: 1, microBatchTokens: 1000, checkpointing: false },
    });
    return fake;
  }

  test('without a signal makes no step, warns, and goes on', async () => {
    const on = world();
    const none = async ({ weightVersion }: { weightVersion: string }) => ({
      async *episodes() {
        const fake = await loaded();
        for (const one of episodes(fake, { iteration: 1, problems: POOL, weightVersion }))
          yield { ...one, outcome: 0 as const };
      },
    });
    await train(on, undefined, { play: none });
    expect(on.warnings).toHaveLength(3);
    expect(on.warnings[0]).toContain('no optimiser step');
    const { entries } = await openJournal(join(folder, 'journal.jsonl'), DapoEntry);
    expect(entries.filter(({ type }) => type === 'step')).toEqual([]);
  });
});
