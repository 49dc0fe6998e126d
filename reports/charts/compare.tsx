import type { ComparedPair, Comparison } from '../../src/index.js';
import { letter, points, pointsInterval, pValue } from '../compare/words.js';
import { count } from '../format.js';
import { Balances } from './balance.js';
import type { Chart } from './chart.js';
import { type Estimate, Intervals } from './intervals.js';
import { rateWords, SHARES } from './values.js';

/** What of a comparison can be seen: the rates, their differences, and where the first two runs differ. */
export function comparisonCharts(comparison: Comparison): readonly Chart[] {
  const [pair, ...others] = comparison.pairs;
  return [
    rates(comparison),
    differences(comparison),
    ...(pair === undefined || others.length > 0 ? [] : repositories(pair)),
  ];
}

function rates({ runs, instances }: Comparison): Chart {
  const names = shorter(runs.map(({ label }) => label));
  const rows = runs.map(
    ({ passAt1 }, index): Estimate => ({
      ...{ name: `${letter(index)}  ${names[index]}`, value: passAt1.rate, interval: passAt1.interval },
      words: rateWords(passAt1),
    }),
  );
  const [id, title] = ['rates', 'Resolved, in % with 95 % intervals'];
  const message = `${count(runs.length, 'run')} over the same ${count(instances.length, 'instance')}. Intervals that overlap don't mean that runs are alike: the differences below are of pairs.`;
  return {
    ...{ id, title },
    draw: (width) => (
      <Intervals caption={{ id, title, message, width }} rows={rows} tick={SHARES.tick} bars />
    ),
    table: { columns: ['run', 'resolved'], rows: rows.map(({ name, words }) => [name, words]) },
  };
}

/** Labels without what all begin with, up to the last dot of it: run ids begin with the dataset. */
function shorter(labels: readonly string[]): readonly string[] {
  const [first = ''] = labels;
  const shared = [...first].findIndex((char, at) => labels.some((label) => label[at] !== char));
  const begin = shared <= 0 ? 0 : first.lastIndexOf('.', shared - 1) + 1;
  return labels.map((label) => label.slice(begin));
}

function differences({ pairs }: Comparison): Chart {
  const rows = pairs.map((pair): Estimate => {
    const bounds = pair.interval.byRepository ?? pair.interval.byInstance;
    return {
      ...{ name: `${letter(pair.b)} - ${letter(pair.a)}`, value: pair.difference, interval: bounds },
      words: `${points(pair.difference)} (${pointsInterval(bounds)}), p ${pValue(pair.adjustedP)}`,
    };
  });
  const [id, title] = ['differences', 'Differences, in percentage points with 95 % intervals'];
  const unlike = pairs.filter(({ adjustedP }) => adjustedP < 0.05).length;
  const adjusted = pairs.length === 1 ? '' : ' (adjusted p)';
  const message = `${unlike} of ${count(pairs.length, 'pair')} differ at alpha 0.05${adjusted}. The broken line is no difference; intervals are of the bootstrap by repository.`;
  return {
    ...{ id, title },
    draw: (width) => (
      <Intervals caption={{ id, title, message, width }} rows={rows} tick={SHARES.tick} reference={0} />
    ),
    table: { columns: ['pair', 'difference'], rows: rows.map(({ name, words }) => [name, words]) },
  };
}

/** More rows are no image that one can read; the table has all. */
const MOST_ROWS = 25;

function repositories({ a, b, byRepository }: ComparedPair): readonly Chart[] {
  if (byRepository.length < 2) return [];
  const rows = byRepository.map(({ repo, wins, losses }) => ({ name: repo, wins, losses }));
  const [id, title] = [
    'wins-by-repository',
    `Wins and losses of ${letter(b)} against ${letter(a)}, in instances`,
  ];
  const changed = rows.filter(({ wins, losses }) => wins + losses > 0).length;
  const cut =
    rows.length > MOST_ROWS ? ` The largest ${MOST_ROWS} of ${rows.length} repositories are shown.` : '';
  const message = `The runs differ in ${changed} of ${rows.length} repositories: losses to the left, wins to the right.${cut}`;
  return [
    {
      ...{ id, title },
      draw: (width) => <Balances caption={{ id, title, message, width }} rows={rows.slice(0, MOST_ROWS)} />,
      table: {
        columns: ['repository', 'wins', 'losses'],
        rows: rows.map(({ name, wins, losses }) => [name, String(wins), String(losses)]),
      },
    },
  ];
}
