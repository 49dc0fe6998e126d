import type { ComparedPair, Comparison } from '../../../../src/index.js';
import { letter, points, pointsInterval, pWords, scoreSum, size, testWords } from '../../../compare/words.js';
import { Strange } from '../parts/strange.js';

interface PairProps {
  readonly pair: ComparedPair;
  readonly comparison: Comparison;
}

/** Two of the runs: the test, the table of both, and what changed by repository and instance. */
export function Pair({ pair, comparison }: PairProps) {
  const [a, b] = [letter(pair.a), letter(pair.b)];
  return (
    <section aria-label={`${b} against ${a}`}>
      <h2>
        {b} - {a}: {points(pair.difference)} points
      </h2>
      <div class="pair">
        <Facts pair={pair} comparison={comparison} />
        <Both pair={pair} />
      </div>
      <Repositories pair={pair} />
      <div class="pair">
        <Changed title={`Won by ${b}: ${a} doesn't resolve them, or less often`} ids={pair.wins} sign="+" />
        <Changed title={`Lost by ${b}: ${a} resolves them, or more often`} ids={pair.losses} sign="−" />
      </div>
    </section>
  );
}

function Facts({ pair, comparison }: PairProps) {
  const { interval, standardError, smallestDetectable, byRepository } = pair;
  const rows: readonly (readonly [what: string, value: string, how: string])[] = [
    ['p', pWords(pair, comparison), testWords(pair)],
    [
      '95 % interval',
      pointsInterval(interval.byRepository),
      `paired bootstrap, repositories (${byRepository.length}) drawn whole`,
    ],
    ['95 % interval', pointsInterval(interval.byInstance), 'paired bootstrap, instances drawn'],
    ['standard error', size(standardError.byRepository), 'clustered by repository'],
    ['standard error', size(standardError.byInstance), 'over instances'],
    ['detectable', size(smallestDetectable), 'smallest difference found with 80 % power at alpha 0.05'],
  ];
  return (
    <table class="facts">
      <caption class="note">Differences are in percentage points.</caption>
      <tbody>
        {rows.map(([what, value, how]) => (
          <tr key={how}>
            <th scope="row">{what}</th>
            <td class="value">{value}</td>
            <td class="note">{how}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What both, one or none of them resolved. */
function Both({ pair: { a, b, table } }: { readonly pair: ComparedPair }) {
  if (table === null) return null;
  const rows: readonly (readonly [string, number, number])[] = [
    [`${letter(a)} resolved`, table.both, table.onlyA],
    [`${letter(a)} not`, table.onlyB, table.neither],
  ];
  return (
    <table class="both">
      <caption class="note">Instances</caption>
      <thead>
        <tr>
          <td />
          <th scope="col" class="number">
            {letter(b)} resolved
          </th>
          <th scope="col" class="number">
            {letter(b)} not
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, ...counts]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {counts.map((number, index) => (
              <td key={index} class="number">
                {number}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Repositories({ pair: { a, b, byRepository } }: { readonly pair: ComparedPair }) {
  return (
    <details>
      <summary>By repository: {byRepository.length}</summary>
      <table class="repositories">
        <thead>
          <tr>
            <th scope="col">repository</th>
            {['of', letter(a), letter(b), 'wins', 'losses'].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {byRepository.map(({ repo, instances, a: left, b: right, wins, losses }) => (
            <tr key={repo}>
              <th scope="row">
                <Strange text={repo} />
              </th>
              <td class="number">{instances}</td>
              <td class="number">{scoreSum(left)}</td>
              <td class="number">{scoreSum(right)}</td>
              <td class="number">{wins}</td>
              <td class="number">{losses}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

interface ChangedProps {
  readonly title: string;
  readonly ids: readonly string[];
  readonly sign: string;
}

function Changed({ title, ids, sign }: ChangedProps) {
  return (
    <details open={ids.length <= OPEN}>
      <summary>
        {title}: {ids.length}
      </summary>
      <ul class="changed">
        {ids.map((id) => (
          <li key={id}>
            <span aria-hidden="true">{sign}</span> <Strange text={id} />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Longer lists wait for a click. */
const OPEN = 60;
