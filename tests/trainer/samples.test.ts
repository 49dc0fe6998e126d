import { describe, expect, test } from '@jest/globals';
import { allTurns, sequenceOf, sequenceWithPrompt, wellFormedTurns } from '../../plugins/trainer/samples.js';
import type { Trajectory } from '../../src/index.js';
import { episode, turn } from '../agent/records.js';
import { templated } from '../agent/toy-tokenizer.js';

const NONE = Number.NaN;
const turns = [
  turn(1, { tokens: { contextIds: [1, 2, 3], sampledIds: [10, 11], logprobs: [-0.1, -0.2] } }),
  turn(2, {
    command: null,
    formatError: 'no_command',
    tokens: { contextIds: [4], sampledIds: [12], logprobs: [-0.3] },
  }),
  turn(3, { tokens: { contextIds: [5, 6], sampledIds: [13, 14], logprobs: [-0.4, -0.5] } }),
];
const played: Trajectory = { episode: episode({ mode: 'token', demonstration: true }), turns };

describe('an episode as a sequence', () => {
  test('is all ids as they came and were sampled, with a loss on what was sampled', () => {
    expect(sequenceOf(played, allTurns)).toEqual({
      tokens: [1, 2, 3, 10, 11, 4, 12, 5, 6, 13, 14],
      weights: [0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1],
      rolloutLogprobs: [NONE, NONE, NONE, -0.1, -0.2, NONE, -0.3, NONE, NONE, -0.4, -0.5],
    });
  });

  test('turns with a format error stay in the context and are not learnt', () => {
    const { tokens, weights } = sequenceOf(played, wellFormedTurns);
    expect(tokens).toHaveLength(11);
    expect(weights).toEqual([0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]);
  });

  test('the turns to learn may be given one by one', () => {
    expect(sequenceOf(played, [false, false, true]).weights).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    expect(() => sequenceOf(played, [true])).toThrow('its mask is of 1 turns, it has 3');
  });

  test.each<[string, Trajectory, string]>([
    ['chat mode', { ...played, turns: [...turns, turn(4)] }, 'turn 4 has no token ids'],
    ['no turn', { ...played, turns: [] }, 'it has no turn'],
    [
      'log-probabilities that are missing',
      { ...played, turns: [turn(1, { tokens: { contextIds: [1], sampledIds: [2, 3], logprobs: [-1] } })] },
      'turn 1 has 1 log-probabilities for 2 tokens',
    ],
    [
      'no prompt',
      { ...played, turns: [turn(1, { tokens: { contextIds: [], sampledIds: [2], logprobs: [-1] } })] },
      'nothing comes before its first turn',
    ],
  ])('one with %s is refused', (_, trajectory, words) => {
    expect(() => sequenceOf(trajectory, allTurns)).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining(`episode owner__name-1#1 can't be trained on: ${words}`),
      }),
    );
  });

  test('a prompt of a hundred thousand tokens is no trouble', () => {
    const long = turn(1, {
      tokens: { contextIds: Array.from({ length: 200_000 }, () => 7), sampledIds: [8], logprobs: [-1] },
    });
    expect(sequenceOf({ ...played, turns: [long] }, allTurns).tokens).toHaveLength(200_001);
  });
});

describe('an episode with another prompt', () => {
  const prompt = [{ role: 'user' as const, content: 'Fix it.' }];
  const tokenize = async (messages: Parameters<typeof templated>[0], generation: boolean) =>
    templated(messages, generation);

  test('has its ids in place of the first context, and all else as it was sampled', async () => {
    const sequence = await sequenceWithPrompt(played, wellFormedTurns, { prompt, tokenize });
    const promptIds = templated(prompt, true);
    expect(sequence).toEqual({
      tokens: [...promptIds, 10, 11, 4, 12, 5, 6, 13, 14],
      weights: [...promptIds.map(() => 0), 1, 1, 0, 0, 0, 0, 1, 1],
    });
  });

  test('of chat mode is refused all the same', async () => {
    const chat = { ...played, turns: [turn(1)] };
    await expect(sequenceWithPrompt(chat, allTurns, { prompt, tokenize })).rejects.toMatchObject({
      code: 'usage',
    });
  });
});
