import { describe, expect, it } from '@jest/globals';
import { renderToString } from 'preact-render-to-string';
import type { Chart } from '../../../reports/charts/chart.js';
import { chartFile } from '../../../reports/charts/file.js';
import { Lines } from '../../../reports/charts/lines.js';
import { trainingCharts } from '../../../reports/charts/training.js';
import { NUMBERS } from '../../../reports/charts/values.js';
import { verdict } from '../run-results.js';
import { chartsOf, SAMPLES, several, training } from './samples.js';

function svgOf(charts: readonly Chart[], id: string, width: number): string {
  const chart = charts.find((one) => one.id === id);
  if (chart === undefined) throw new Error(`no chart ${id}`);
  return renderToString(chart.draw(width));
}

const WIDTHS = [200, 358, 728];

describe.each(Object.entries(SAMPLES))('charts of %s', (_, sample) => {
  const charts = sample();

  it.each(WIDTHS)('have numbers alone for places, and stay inside, at a width of %i', (width) => {
    for (const { draw } of charts) {
      const svg = renderToString(draw(width));
      expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
      const [, wide, high] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
      expect([Number(wide), Number(high) > 0]).toEqual([width, true]);
      const numbers = (names: string) =>
        [...svg.matchAll(new RegExp(` (?:${names})="([^"]+)"`, 'g'))].map(([, value]) => Number(value));
      expect(numbers('cx|x|x1|x2').filter((x) => !(x >= 0 && x <= width))).toEqual([]);
      expect(numbers('width|height').filter((size) => !(size >= 0))).toEqual([]);
    }
  });

  it('say in words what they show, and have their numbers as a table', () => {
    for (const { draw, title, table } of charts) {
      const svg = renderToString(draw(358));
      expect(svg).toContain(`role="img" aria-label="${title}. `);
      expect(svg).toMatch(/<title>[^<]+<\/title><desc>[^<]+<\/desc>/);
      expect(table.rows.filter(({ length }) => length !== table.columns.length)).toEqual([]);
    }
  });

  it('have names of their own', () => {
    const ids = charts.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]+$/);
  });

  it('hold no markup of strangers', () => {
    for (const chart of charts) expect(chartFile(chart).content).not.toMatch(/<script|]]>|\u0000|\u001b/);
  });
});

describe('charts of a run', () => {
  const ids = (charts: readonly { readonly id: string }[]) => charts.map(({ id }) => id);

  it('are those that show more than one thing', () => {
    expect(ids(chartsOf(several(1), [verdict('n-0')]))).toEqual(['pass-at-1', 'durations']);
    expect(ids(chartsOf(several(2), [verdict('n-0')]))).toEqual([
      'pass-at-1',
      'outcomes-by-repository',
      'durations',
    ]);
    expect(ids(SAMPLES['repeated attempts']?.() ?? [])).toContain('pass-at-k');
  });

  it('tell outcomes apart by a pattern, a word and a number', () => {
    const charts = SAMPLES['a run with every outcome']?.() ?? [];
    const svg = svgOf(charts, 'outcomes-by-repository', 728);
    for (const [name, words] of [
      ['unresolved', 'unresolved'],
      ['invalid', 'invalid'],
      ['infra_error', 'infra error'],
      ['missing', 'no verdict yet'],
      ['no_prediction', 'no prediction'],
    ]) {
      if (svg.includes(`>${words}<`)) expect(svg).toContain(`url(#outcomes-by-repository-${name})`);
    }
    expect(svg).toContain('a/b: 1 resolved, 1 invalid, 1 infra error, 2 no verdict yet');
    expect(svg).toContain('>1 of 5<');
  });

  it('draw the largest groups of many, and say so', () => {
    const charts = SAMPLES['a run of a thousand repositories']?.() ?? [];
    const chart = charts.find(({ id }) => id === 'outcomes-by-repository');
    expect(svgOf(charts, 'outcomes-by-repository', 728)).toContain(
      'in 1000 groups, of which the 25 largest are drawn',
    );
    expect(chart?.table.rows).toHaveLength(1000);
  });

  it('draw many months as years', () => {
    const months = several(40).map((one, at) => ({
      ...{ ...one, createdAt: `20${10 + Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}-01` },
    }));
    expect(ids(chartsOf(months, []))).toContain('outcomes-by-year');
    expect(ids(chartsOf(months.slice(0, 12), []))).toContain('outcomes-by-month');
  });
});

describe('lines', () => {
  const draw = (ys: readonly (number | undefined)[]) =>
    renderToString(
      <Lines
        caption={{ id: 'a', title: 'A', message: 'B', width: 400 }}
        series={[{ name: 'one', points: ys.map((y, x) => ({ x, y })) }]}
        {...{ unit: 'step', values: NUMBERS, fromZero: true }}
      />,
    );
  const lines = (svg: string) => svg.match(/class="c-line[^"]*" d="([^"]+)"/g) ?? [];

  it('are broken where a value is missing, and show a value that stands alone as a dot', () => {
    expect(lines(draw([1, 2, 3]))).toHaveLength(1);
    expect(lines(draw([1, 2, undefined, 3, undefined, 4]))).toHaveLength(3);
    expect(draw([1, undefined, 2]).match(/<circle/g)).toHaveLength(2);
  });

  it('say so where there are no values', () => {
    expect(draw([undefined, undefined])).toContain('no values');
  });

  it('put names that would meet below each other', () => {
    const page = training([{ 'rollout/submitted': 0.5, 'rollout/cut_off': 0.5 }]);
    const svg = svgOf(trainingCharts(page), 'endings', 400);
    const ys = [...svg.matchAll(/class="c-strong[^"]*" x="[\d.]+" y="([\d.]+)"/g)].map(([, y]) => Number(y));
    expect(ys).toHaveLength(2);
    expect(Math.abs((ys[0] ?? 0) - (ys[1] ?? 0))).toBeGreaterThanOrEqual(14);
  });
});

describe('charts of a training', () => {
  it('mark the iterations with an alarm in the figure of its metric alone', () => {
    const page = training([{ 'rollout/turns': 1 }, { 'rollout/turns': 9 }]);
    const charts = trainingCharts(page).map(({ id, draw }) => [id, renderToString(draw(400))] as const);
    const marked = charts.filter(([, svg]) => svg.includes('class="c-unresolved"')).map(([id]) => id);
    expect(marked).toEqual(['turns']);
    expect(charts.find(([id]) => id === 'turns')?.[1]).toContain('▼ 1 alarm, at iteration 2.');
  });
});
