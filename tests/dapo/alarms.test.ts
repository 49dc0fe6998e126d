import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { ALARMS, alarmsOf, type Watched } from '../../plugins/dapo/alarms.js';
import { hasLoop } from '../../plugins/dapo/loops.js';
import { metricsOf } from '../../plugins/dapo/metrics.js';
import { signalOf } from '../../plugins/dapo/signal.js';
import type { EpisodeFacts } from '../../plugins/dapo/survey.js';
import type { LossSums } from '../../plugins/trainer/trainer.js';

const HEALTHY = {
  'rollout/unscorable': 0.01,
  'rollout/turns': 20,
  'rollout/loops': 0.02,
  'rollout/format_errors': 0.01,
  'rollout/cut_off': 0.2,
  'train/steps': 4,
  'train/entropy': 0.4,
  'train/gradient_norm': 0.2,
  'train/clipped_low': 0.001,
  'train/clipped_high': 0.002,
  'train/clipped_dual': 0,
  'train/kl_old': 0.001,
  'train/tis_capped': 0,
  'train/non_finite': 0,
  'train/mismatch_kl': 0.0005,
  'train/mismatch_abs': 0.01,
};
const COUNTS = { groups: 300, tooSmall: 2, allSolved: 40, noneSolved: 150, kept: 108 };
const watched = (metrics: object = {}, counts: object = {}): Watched => ({
  metrics: { ...HEALTHY, ...metrics },
  counts: { ...COUNTS, ...counts },
});
const before = [watched(), watched(), watched(), watched()];
const names = (now: Watched, history = before) => alarmsOf(now, history).map(({ name }) => name);

describe('alarms', () => {
  it('are none for a healthy iteration, with and without others before it', () => {
    expect(names(watched())).toEqual([]);
    expect(names(watched(), [])).toEqual([]);
    expect(names({ metrics: {}, counts: {} }, [])).toEqual([]);
  });

  it.each([
    [{ 'train/entropy': 0.1 }, {}, 'entropy_collapse'],
    [{ 'train/entropy': 1.3 }, {}, 'entropy_explosion'],
    [{ 'train/clipped_low': 0.11 }, {}, 'clipped_low'],
    [{ 'train/clipped_high': 0.11 }, {}, 'clipped_high'],
    [{ 'train/clipped_dual': 0.06 }, {}, 'clipped_dual'],
    [{ 'train/kl_old': 0.2 }, {}, 'kl_old'],
    [{ 'train/gradient_norm': 2.1 }, {}, 'gradient_norm'],
    [{ 'train/mismatch_abs': 0.06 }, {}, 'mismatch_abs'],
    [{ 'train/mismatch_kl': 0.02 }, {}, 'mismatch_kl'],
    [{ 'train/tis_capped': 0.06 }, {}, 'tis_capped'],
    [{ 'train/non_finite': 1e-6 }, {}, 'non_finite'],
    [{ 'rollout/unscorable': 0.11 }, {}, 'unscorable'],
    [{}, { allSolved: 100, noneSolved: 190, kept: 8 }, 'zero_signal'],
    [{ 'train/steps': 0 }, {}, 'no_step'],
    [{ 'rollout/turns': 31 }, {}, 'turns'],
    [{ 'rollout/loops': 0.21 }, {}, 'loops'],
    [{ 'rollout/format_errors': 0.11 }, {}, 'format_errors'],
    [{ 'rollout/cut_off': 0.51 }, {}, 'cut_off'],
  ])('of %j %j is one: %s', (metrics, counts, name) => {
    expect(names(watched(metrics, counts))).toEqual([name]);
  });

  it('say value, limit, meaning and what to do', () => {
    const [alarm] = alarmsOf(watched({ 'train/mismatch_abs': 0.07123 }), before);
    expect(alarm).toMatchObject({ name: 'mismatch_abs', value: 0.07123, limit: 0.05 });
    expect(alarm?.words).toContain('0.0712, over 0.05');
    expect(alarm?.words).toContain('every ratio is wrong');
    expect(alarm?.words).toContain('Compare sampling settings');
  });

  it('compare entropy with the first iterations, so that a slow collapse is seen', () => {
    const slow = Array.from({ length: 30 }, (_, index) => watched({ 'train/entropy': 0.4 * 0.95 ** index }));
    const first = slow.findIndex((now, index) =>
      names(now, slow.slice(0, index)).includes('entropy_collapse'),
    );
    // 0.95^n < 0.3 x 0.95 (the median of the first three): n = 25
    expect(first).toBe(25);
  });

  it('compare the gradient with the last iterations, whatever it was at first', () => {
    const risen = Array.from({ length: 40 }, (_, index) =>
      watched({ 'train/gradient_norm': index < 15 ? 0.01 : 1 }),
    );
    expect(names(watched({ 'train/gradient_norm': 5 }), risen)).toEqual([]);
    expect(names(watched({ 'train/gradient_norm': 11 }), risen)).toEqual(['gradient_norm']);
  });

  it('watch numbers that an iteration has', () => {
    const sums = Object.fromEntries(
      [
        ...['loss', 'tokens', 'entropy', 'ratio', 'clippedLow', 'clippedHigh', 'clippedDual', 'klOld'],
        ...['mismatchKl', 'mismatchAbs', 'mismatchTokens', 'tisCapped', 'nonFinite'],
      ].map((name) => [name, 1]),
    ) as unknown as LossSums;
    const facts: EpisodeFacts = {
      ...{
        episodeId: 'a#1',
        instanceId: 'a',
        outcome: 1,
        turns: 3,
        end: 'submitted' as const,
        actionTokens: 9,
      },
      ...{ formatErrors: 0, commands: [], hasLoop: true, weightVersions: [] },
    };
    const step = { episodes: 1, learningRate: 1, sums, gradientNorm: 1, weightVersion: '1' };
    const found = metricsOf([facts], [step], { threshold: 2, maxTurns: 4 });
    for (const name of Object.keys(HEALTHY)) expect(Object.keys(found)).toContain(name);
    expect(found['rollout/loops']).toBe(1);
    expect(found['rollout/reward']).toBe(0.5);
    const { counts } = signalOf([], {
      ...{ advantage: 'grpo', delta: 0, penalty: null, signalOn: 'outcome', overlong: 'keep' },
    });
    for (const name of Object.keys(COUNTS)) expect(Object.keys(counts)).toContain(name);
  });

  it.each(ALARMS)('$name is in docs/train-alarms.md', async ({ name, side, limit, what, means, todo }) => {
    const text = await readFile('docs/train-alarms.md', 'utf8');
    expect(text).toContain(`| \`${name}\` | ${what} | ${side} ${limit} | ${means} ${todo} |\n`);
  });

  it('have names of their own', () => {
    expect(new Set(ALARMS.map(({ name }) => name)).size).toBe(ALARMS.length);
  });
});

describe('a loop', () => {
  const turn = (command: string | null, observation: string) => ({
    command,
    response: `text ${command}`,
    observation,
  });
  const ls = turn('ls', 'a b');
  const test = (time: string) => turn('pytest', `1 failed in ${time}s`);
  it.each([
    ['the same action three times', true, [ls, ls, ls]],
    ['twice', false, [ls, ls]],
    ['three times, but not in a row', false, [ls, test('1'), ls, turn('cat a', 'x'), ls]],
    ['the same test with other times', true, [test('0.1'), test('12.3'), test('4')]],
    ['two actions in turn, three times', true, [ls, test('1'), ls, test('2'), ls, test('3')]],
    ['two actions in turn, twice', false, [ls, test('1'), ls, test('2')]],
    ['at the end of an episode', true, [turn('pwd', '/'), turn('cat a', 'x'), ls, ls, ls]],
    [
      'reading on in a file',
      false,
      [turn('scroll_down', 'def a'), turn('scroll_down', 'def b'), turn('scroll_down', 'def c')],
    ],
    [
      'the same response without a command',
      true,
      [turn(null, 'no command'), turn(null, 'no command'), turn(null, 'no command')],
    ],
    ['nothing', false, []],
  ])('%s: %p', (_, expected, turns) => {
    expect(hasLoop(turns)).toBe(expected);
  });
});
