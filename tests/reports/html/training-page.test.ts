import { describe, expect, it } from '@jest/globals';
import { dapoPage, rftPage } from '../../../reports/html/training-page.js';

const about = { name: 'stage1', settings: { algorithm: { group: 10 }, ids: ['a'] }, generatedAt: 'now' };
const iteration = (outcomes: Readonly<Record<string, { resolved: number; scored: number }>>) => ({
  ...{ iteration: 1, metrics: { 'rollout/turns': 3 }, counts: { groups: 4, kept: 1 }, outcomes },
  ...{ alarms: [], seconds: { rollouts: 2, training: 1 }, saved: true },
});

describe('the page of a training by DAPO', () => {
  it('has Pass@10 over the problems with ten scored episodes, and the error of Pass@1 over problems', () => {
    const { k, points } = dapoPage(about, [
      iteration({
        a: { resolved: 0, scored: 10 },
        b: { resolved: 1, scored: 12 },
        c: { resolved: 5, scored: 5 },
      }),
    ]);
    expect(k).toBe(10);
    // b: one of twelve, ten drawn: 10 / 12.
    expect(points[0]?.metrics['rollout/pass_at_k']).toBeCloseTo((0 + 10 / 12) / 2, 12);
    const shares = [0, 1 / 12, 1];
    const centre = shares.reduce((sum, one) => sum + one) / 3;
    const error = Math.sqrt(shares.reduce((sum, one) => sum + (one - centre) ** 2, 0) / 6);
    expect(points[0]?.metrics['rollout/pass_at_1_error']).toBeCloseTo(error, 12);
  });

  it('has Pass@k of smaller groups, and none of single episodes', () => {
    expect(dapoPage(about, [iteration({ a: { resolved: 1, scored: 4 } })])).toMatchObject({
      k: 4,
      points: [{ metrics: { 'rollout/pass_at_k': 1 } }],
    });
    const single = dapoPage(about, [iteration({ a: { resolved: 1, scored: 1 } })]);
    expect(single.k).toBeUndefined();
    expect(Object.keys(single.points[0]?.metrics ?? {})).not.toContain('rollout/pass_at_k');
  });

  it('keeps what the journal has, the share of groups with a signal, and the times', () => {
    const [point] = dapoPage(about, [iteration({})]).points;
    expect(point?.metrics).toEqual({
      ...{ 'rollout/turns': 3, 'signal/kept': 0.25, 'seconds/rollouts': 2, 'seconds/training': 1 },
    });
  });

  it('has settings by their path', () => {
    expect(dapoPage(about, []).settings).toEqual([
      { name: 'algorithm.group', value: '10' },
      { name: 'ids', value: '["a"]' },
    ]);
    expect(dapoPage({ ...about, settings: 'damaged' }, []).settings).toEqual([]);
  });
});

describe('the page of a rejection fine-tuning', () => {
  const step = (number: number, loss: number) =>
    ({ type: 'step', step: number, loss, learningRate: 1e-5, gradientNorm: null, tokens: 9 }) as const;

  it('has the last line of each step, the checkpoints and the selection', () => {
    const page = rftPage(about, [
      { type: 'selected', steps: [{ words: 'episodes played', dropped: 0, left: 8 }] },
      step(1, 0.5),
      step(2, 0.4),
      step(2, 0.3),
      { type: 'saved', step: 2 },
    ]);
    expect(page.points.map(({ at, metrics, saved }) => [at, metrics['train/loss'], saved])).toEqual([
      [1, 0.5, false],
      [2, 0.3, true],
    ]);
    expect(page.selection).toEqual([{ words: 'episodes played', dropped: 0, left: 8 }]);
    expect(Object.keys(page.points[0]?.metrics ?? {})).not.toContain('train/gradient_norm');
  });
});
