import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resolveRft } from '../../plugins/rft/config.js';
import { RftEntry, type RftRun, trainRft } from '../../plugins/rft/train.js';
import { openJournal } from '../../plugins/trainer/journal.js';
import { checkpointOf } from '../../plugins/trainer/lifetime.js';
import type { ScoredTrajectory } from '../../plugins/trainer/scored.js';
import { AssayError } from '../../src/index.js';
import { episode, result, turn } from '../agent/records.js';
import { testClock } from '../helpers/jobs.js';
import { type FakeTrainer, fakeTrainer } from '../trainer/fake-trainer.js';

const VOCABULARY = 8;
const PROBLEMS = ['p0', 'p1', 'p2'];
/** What the training prompt of a problem is in ids; the episodes were sampled with a longer one. */
const PROMPT = [1, 2];
const DEMONSTRATION = [1, 7, 7, 2];

const { settings } = resolveRft({
  preset: 'golubev2025-rft',
  dataset: { name: 'any' },
  model: { folder: 'none' },
  policy: { maxTokens: 4 },
  output: { folder: 'none', checkpointEvery: 2, keepCheckpoints: 1 },
  algorithm: { batch: 2 },
  optimizer: { learningRate: 0.1, warmupSteps: 1 },
});

/** Four samples of each problem: resolved; resolved with a format error; the first once more; not resolved. */
const EPISODES = PROBLEMS.flatMap((instanceId, at) =>
  [1, 2, 3, 4].map((sample): ScoredTrajectory => {
    const said = (index: number, token: number, more = {}) =>
      turn(index, {
        command: `run ${token}`,
        tokens: { contextIds: index === 1 ? DEMONSTRATION : [6], sampledIds: [token, 0], logprobs: [-1, -1] },
        ...more,
      });
    const broken = { command: null, formatError: 'no_command' } as const;
    return {
      trajectory: {
        episode: episode({ instanceId, sample, mode: 'token' }),
        turns: [said(1, 3), said(2, sample === 2 ? 5 : 4, sample === 2 ? broken : {})],
        result: result(2, { patch: `patch ${at} ${sample === 3 ? 1 : sample}` }),
      },
      outcome: sample === 4 ? 0 : 1,
    };
  }),
);

async function* read(ids?: ReadonlySet<string>) {
  for (const one of EPISODES) if (ids?.has(one.trajectory.episode.instanceId) !== false) yield one;
}

class Killed extends Error {}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-rft-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Seen {
  readonly batches: number[][][];
  readonly exported: string[];
  readonly warnings: string[];
}

async function train(
  fault?: { readonly at: number; readonly error: () => Error },
  more: Partial<RftRun> = {},
): Promise<Seen & { readonly model: string }> {
  const seen: Seen = { batches: [], exported: [], warnings: [] };
  let operations = 0;
  const model = await trainRft({
    ...{ settings, problems: PROBLEMS, folder, clock: testClock(), validations: [] },
    journal: await openJournal(join(folder, 'journal.jsonl'), RftEntry),
    async openTrainer(): Promise<FakeTrainer> {
      const trainer = fakeTrainer({
        before: () => {
          if (++operations === fault?.at) throw fault.error();
        },
      });
      return {
        ...trainer,
        accumulate: (batch, loss) => {
          seen.batches.push(batch.map(({ tokens, weights }) => tokens.filter((_, at) => weights[at] === 1)));
          return trainer.accumulate(batch, loss);
        },
      };
    },
    load: {
      model: { config: { vocabulary: VOCABULARY }, tokenizer: '' },
      optimizer: { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.1 },
      ...{ seed: 3, microBatchTokens: 1000, checkpointing: false },
    },
    target: { kind: 'embedded', host: '127.0.0.1', port: 0, model: 'policy' },
    play: async () => ({ episodes: read }),
    promptOf: (id) => [{ role: 'user', content: id }],
    tokenizeAt: () => async () => PROMPT,
    async exportKept(_selected, kept, sequenceOf) {
      for await (const one of kept) {
        expect((await sequenceOf(one)).tokens.slice(0, 3)).toEqual([...PROMPT, 3]);
        seen.exported.push(one.episode.episodeId);
      }
    },
    onEvent: () => undefined,
    onWarning: (message) => seen.warnings.push(message),
    signal: new AbortController().signal,
    ...more,
  });
  return { ...seen, model };
}

const weights = () => readFile(join(checkpointOf(folder, 3), 'bigram.json'), 'utf8');

describe('rejection fine-tuning', () => {
  test('learns the resolved episodes once, by the prompt without the demonstration, but for turns with a format error', async () => {
    const { batches, exported, model } = await train();
    expect(exported).toEqual(['p0#1', 'p0#2', 'p1#1', 'p1#2', 'p2#1', 'p2#2']);
    expect(batches.map((batch) => batch.length)).toEqual([2, 2, 2]);
    const learnt = batches
      .flat()
      .map((tokens) => tokens.join(' '))
      .sort();
    expect(learnt).toEqual(['3 0', '3 0', '3 0', '3 0 4 0', '3 0 4 0', '3 0 4 0']);
    expect(model).toBe(checkpointOf(folder, 3));
    const { entries } = await openJournal(join(folder, 'journal.jsonl'), RftEntry);
    expect(entries.map((entry) => ('step' in entry ? `${entry.type} ${entry.step}` : entry.type))).toEqual([
      ...['selected', 'step 1', 'step 2', 'saved 2', 'step 3', 'saved 3'],
    ]);
    expect(await readdir(join(folder, 'checkpoints'))).toEqual(['0002', '0003']);
  });

  test('that is killed at any operation of the trainer goes on to the same weights', async () => {
    await train();
    const expected = await weights();
    for (let at = 1; ; at++) {
      await rm(folder, { recursive: true, force: true });
      const ended = await train({ at, error: () => new Killed() }).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(Killed);
          return false;
        },
      );
      if (ended) {
        expect(at).toBeGreaterThan(8);
        break;
      }
      await train();
      expect(await weights()).toBe(expected);
    }
  });

  test('starts a trainer that has died again', async () => {
    await train();
    const expected = await weights();
    await rm(folder, { recursive: true, force: true });
    const { warnings } = await train({
      at: 8,
      error: () => new AssayError('trainer_failed', 'it was killed'),
    });
    expect(warnings).toEqual(['it was killed; starting it again']);
    expect(await weights()).toBe(expected);
  });

  test('says so where no episode is left, and where the machine failed too many', async () => {
    const all = (outcome: 0 | null) => async () => ({
      async *episodes() {
        for (const one of EPISODES) yield { ...one, outcome };
      },
    });
    await expect(train(undefined, { play: all(0) })).rejects.toMatchObject({ code: 'usage' });
    await expect(train(undefined, { play: all(null) })).rejects.toMatchObject({ code: 'too_many_failures' });
  });
});
