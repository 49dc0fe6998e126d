import type { Rate, RunSummary } from '../../src/index.js';
import { count, denominators, duration, interval, percent } from '../format.js';
import { FATES } from '../html/fates.js';
import type { AttemptRow, RunPage } from '../html/model.js';
import type { Chart } from './chart.js';
import { durationBins } from './durations.js';
import { Histogram } from './histogram.js';
import { type Estimate, Intervals } from './intervals.js';
import { Lines } from './lines.js';
import { FATE_NAMES } from './patterns.js';
import { type Stack, Stacks } from './stacks.js';
import { rateWords, SHARES } from './values.js';

/** What of a run can be seen: in its page, and as files. Charts that would show a single thing are left out. */
export function runCharts({ summary, rows }: Pick<RunPage, 'summary' | 'rows'>): readonly Chart[] {
  const by = (name: string, of: (row: AttemptRow) => string | undefined) => outcomesBy(rows, name, of);
  return [
    passAt1(summary),
    ...by('repository', ({ repo }) => repo),
    ...by('difficulty', ({ difficulty }) => difficulty),
    ...by('month', ({ month }) => month),
    ...durations(rows),
    ...passAtK(summary),
  ];
}

function passAt1(summary: RunSummary): Chart {
  const { passAt1: all, runs } = summary;
  const rate = (name: string, one: Rate): Estimate => ({
    ...{ name, value: one.rate, interval: one.interval },
    words: rateWords(one),
  });
  const rows: readonly Estimate[] = [
    ...denominators(summary).map(({ name, rate: one }) => rate(name, one)),
    ...(runs === null
      ? []
      : [
          {
            ...{ name: `mean of ${runs.rates.length} runs ± SEM`, value: runs.mean, points: runs.rates },
            interval: { low: runs.mean - runs.sem, high: runs.mean + runs.sem },
            words: `${percent(runs.mean)} ± ${percent(runs.sem)} %`,
          },
        ]),
  ];
  const title = 'Pass@1 with 95 % intervals, in %';
  const message = `${percent(all.rate)} % of ${count(all.instances, 'instance')} resolved; the interval is ${interval(all)}.`;
  return {
    ...{ id: 'pass-at-1', title },
    draw: (width) => (
      <Intervals caption={{ id: 'pass-at-1', title, message, width }} rows={rows} tick={SHARES.tick} bars />
    ),
    table: { columns: ['rate of', 'Pass@1'], rows: rows.map(({ name, words }) => [name, words]) },
  };
}

function outcomesBy(
  rows: readonly AttemptRow[],
  name: string,
  of: (row: AttemptRow) => string | undefined,
): readonly Chart[] {
  const groups = new Map<string, AttemptRow[]>();
  for (const row of rows) {
    const key = of(row) ?? 'not given';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  if (groups.size < 2) return [];
  const stacks: readonly Stack[] = [...groups]
    .map(([key, group]) => ({ name: key, counts: countsOf(group), attempts: group.length }))
    .sort((a, b) => (name === 'month' ? 0 : b.attempts - a.attempts) || (a.name < b.name ? -1 : 1));
  const id = `outcomes-by-${name}`;
  const title = `Outcomes by ${name}, in attempts`;
  const resolved = rows.filter(({ outcome }) => outcome === 'resolved').length;
  const message = `${resolved} of ${count(rows.length, 'attempt')} resolved, in ${groups.size} groups.`;
  return [
    {
      ...{ id, title },
      draw: (width) => <Stacks caption={{ id, title, message, width }} rows={stacks} />,
      table: {
        columns: [name, ...FATE_NAMES.map((fate) => FATES[fate].words)],
        rows: stacks.map((stack) => [
          stack.name,
          ...FATE_NAMES.map((fate) => String(stack.counts[fate] ?? 0)),
        ]),
      },
    },
  ];
}

function countsOf(rows: readonly AttemptRow[]): Stack['counts'] {
  return Object.fromEntries(
    FATE_NAMES.map((name) => [name, rows.filter(({ outcome }) => outcome === name).length]),
  );
}

function durations(rows: readonly AttemptRow[]): readonly Chart[] {
  const seconds = rows.flatMap(({ testSeconds }) => testSeconds ?? []);
  if (seconds.length === 0) return [];
  const { bins, median } = durationBins(seconds);
  const [id, title] = ['durations', 'How long tests ran, in attempts'];
  const message = `Half of ${count(seconds.length, 'attempt')} took ${duration(median.seconds)} or less, the longest ${duration(seconds.reduce((most, one) => Math.max(most, one), 0))}. Each step is about twice the one before.`;
  return [
    {
      ...{ id, title },
      draw: (width) => (
        <Histogram
          caption={{ id, title, message, width }}
          bins={bins}
          mark={{ at: median.at, words: `median ${duration(median.seconds)}` }}
        />
      ),
      table: {
        columns: ['tests ran for', 'attempts'],
        rows: bins.counts.map((number, index) => [
          `${bins.edges[index]} to ${bins.edges[index + 1]}`,
          String(number),
        ]),
      },
    },
  ];
}

function passAtK({ passAtK: values, instances }: RunSummary): readonly Chart[] {
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined || values.length < 2) return [];
  const [id, title] = ['pass-at-k', 'pass@k, in % of all chosen instances'];
  const message = `One of ${last.k} attempts resolves ${percent(last.value)} % of ${count(instances, 'instance')}, a single one ${percent(first.value)} %.`;
  return [
    {
      ...{ id, title },
      draw: (width) => (
        <Lines
          caption={{ id, title, message, width }}
          series={[{ name: 'pass@k', points: values.map(({ k, value }) => ({ x: k, y: value })) }]}
          unit="k, attempts"
          values={SHARES}
          fromZero
        />
      ),
      table: {
        columns: ['k', 'pass@k, %'],
        rows: values.map(({ k, value }) => [String(k), percent(value)]),
      },
    },
  ];
}
