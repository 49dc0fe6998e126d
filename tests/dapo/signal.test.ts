import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Group } from '../../plugins/dapo/group.js';
import { type SignalSettings, signalOf } from '../../plugins/dapo/signal.js';
import type { EpisodeEnd } from '../../src/index.js';

const SETTINGS: SignalSettings = {
  advantage: 'grpo',
  delta: 0,
  penalty: null,
  signalOn: 'outcome',
  overlong: 'keep',
};
const PENALTY = { threshold: 10, maxTurns: 40 };

function group(
  instanceId: string,
  outcomes: readonly (number | null)[],
  turns = (_index: number) => 5,
  end = (_index: number): EpisodeEnd => 'submitted',
): Group {
  return {
    instanceId,
    attempts: outcomes.map((outcome, index) => ({
      episodeId: `${instanceId}#${index + 1}`,
      outcome,
      turns: turns(index),
      end: end(index),
    })),
  };
}

describe('the signal of an iteration', () => {
  it('is in groups of which some were solved and some not', () => {
    const { samples, counts } = signalOf(
      [group('a', [1, 0]), group('b', [1, 1]), group('c', [0, 0])],
      SETTINGS,
    );
    expect(samples.map(({ episodeId }) => episodeId)).toEqual(['a#1', 'a#2']);
    expect(counts).toEqual({
      groups: 3,
      episodes: 6,
      unscorable: 0,
      solved: 3,
      tooSmall: 0,
      allSolved: 1,
      noneSolved: 1,
      level: 0,
      kept: 1,
      masked: 0,
      samples: 2,
    });
  });

  it('does not see unscorable episodes at all: the others have the advantages that they had without them', () => {
    const found = signalOf([group('a', [1, null, 0, null, 0, 0])], SETTINGS);
    const without = signalOf([group('a', [1, 0, 0, 0])], SETTINGS);
    expect(found.samples.map(({ advantage }) => advantage)).toEqual(
      without.samples.map(({ advantage }) => advantage),
    );
    expect(found.samples.map(({ episodeId }) => episodeId)).toEqual(['a#1', 'a#3', 'a#5', 'a#6']);
    expect(found.counts.unscorable).toBe(2);
  });

  it.each([{ outcomes: [] }, { outcomes: [null, null] }, { outcomes: [1, null] }, { outcomes: [0] }])(
    'is not in a group of $outcomes',
    ({ outcomes }) => {
      const { samples, counts } = signalOf([group('a', outcomes)], SETTINGS);
      expect(samples).toEqual([]);
      expect(counts.tooSmall).toBe(1);
    },
  );

  it('is not in the penalty alone, unless one says so', () => {
    const groups = [group('a', [0, 0], (index) => 11 + index), group('b', [0, 0])];
    expect(signalOf(groups, { ...SETTINGS, penalty: PENALTY }).samples).toEqual([]);
    const { samples, counts } = signalOf(groups, {
      ...SETTINGS,
      penalty: PENALTY,
      signalOn: 'final_reward',
    });
    expect(samples.map(({ episodeId }) => episodeId)).toEqual(['a#1', 'a#2']);
    expect(counts).toMatchObject({ kept: 1, noneSolved: 1 });
  });

  it('has the penalty in the advantages of a group that is kept', () => {
    // 1, 0, -1: mean 0, sample std 1
    const { samples } = signalOf([group('a', [1, 0, 0], (index) => (index === 2 ? 40 : 5))], {
      ...SETTINGS,
      penalty: PENALTY,
    });
    expect(samples.map(({ reward }) => reward)).toEqual([1, 0, -1]);
    expect(samples.map(({ advantage }) => advantage)).toEqual([1, 0, -1]);
  });

  it('is not in a group whose rewards the penalty makes the same: solved at the limit, failed at once', () => {
    const groups = [group('a', [1, 0], (index) => (index === 0 ? 40 : 5))];
    for (const signalOn of ['outcome', 'final_reward'] as const) {
      const { samples, counts } = signalOf(groups, { ...SETTINGS, penalty: PENALTY, signalOn });
      expect(samples).toEqual([]);
      expect(counts).toMatchObject({ level: 1, kept: 0, allSolved: 0, noneSolved: 0 });
    }
  });

  it.each(['context_limit', 'turn_limit', 'episode_timeout'] as const)(
    'keeps episodes that ended by %s, or leaves them out once their group has its statistics',
    (end) => {
      const groups = [group('a', [1, 0, 0, 0], undefined, (index) => (index === 3 ? end : 'submitted'))];
      const kept = signalOf(groups, SETTINGS);
      const masked = signalOf(groups, { ...SETTINGS, overlong: 'mask' });
      expect(kept.samples).toHaveLength(4);
      expect(masked.samples).toEqual(kept.samples.slice(0, 3));
      expect(masked.counts.masked).toBe(1);
    },
  );

  it('counts every group and every episode once', () => {
    const outcomes = fc.array(fc.constantFrom(0, 1, null), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(outcomes, { maxLength: 8 }), (lists) => {
        const groups = lists.map((list, index) => group(`i${index}`, list));
        const { counts, samples } = signalOf(groups, SETTINGS);
        const { tooSmall, allSolved, noneSolved, level, kept } = counts;
        expect(tooSmall + allSolved + noneSolved + level + kept).toBe(lists.length);
        expect(counts.episodes).toBe(lists.flat().length);
        expect(new Set(samples.map(({ episodeId }) => episodeId)).size).toBe(counts.samples);
        const scorable = lists.filter((list) => list.includes(0) && list.includes(1));
        expect(counts.samples).toBe(scorable.flat().filter((outcome) => outcome !== null).length);
      }),
    );
  });
});
