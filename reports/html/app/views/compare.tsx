import { comparisonCharts } from '../../../charts/compare.js';
import { cautions, headline, letter, points, size } from '../../../compare/words.js';
import { count, interval, percent, score } from '../../../format.js';
import type { ComparePage } from '../../model.js';
import { Charts } from '../parts/charts.js';
import { Strange, visible } from '../parts/strange.js';
import { Pair } from './compare-pair.js';
import type { ViewProps } from './view.js';
import './compare.css';

/** Two or more runs over the same instances: their rates, and every two of them. */
export function CompareView({ page: { comparison } }: ViewProps & { readonly page: ComparePage }) {
  const { runs, pairs } = comparison;
  const warnings = cautions(comparison);
  return (
    <main tabIndex={-1} class="compare">
      <h1>{count(runs.length, 'run')} compared</h1>
      <ol class="labels">
        {runs.map(({ label }, index) => (
          <li key={label}>
            <strong>{letter(index)}</strong> <Strange text={label} />
          </li>
        ))}
      </ol>
      <p>
        <Strange text={headline(comparison)} />
      </p>
      {warnings.length > 0 && (
        <ul class="cautions">
          {warnings.map((warning) => (
            <li key={warning}>
              <span aria-hidden="true">!</span> <Strange text={warning} />
            </li>
          ))}
        </ul>
      )}
      <Verdict page={comparison} />
      <Charts charts={comparisonCharts(comparison)} />
      <Runs page={comparison} />
      {pairs.map((pair) => (
        <Pair key={`${pair.a} ${pair.b}`} pair={pair} comparison={comparison} />
      ))}
    </main>
  );
}

interface OfComparison {
  readonly page: ComparePage['comparison'];
}

const ALPHA = 0.05;

/** What the numbers say of every other run beside the first, in a sentence each. */
function Verdict({ page: { pairs } }: OfComparison) {
  return (
    <ul class="verdicts">
      {pairs
        .filter(({ a }) => a === 0)
        .map((pair) => {
          const { a, b, difference, adjustedP, smallestDetectable } = pair;
          const isClear = adjustedP < ALPHA;
          return (
            <li key={b}>
              <strong>
                {letter(b)} {difference === 0 ? 'does as well as' : `is ${points(difference)} points against`}{' '}
                {letter(a)}
              </strong>
              {isClear
                ? ', more than chance explains.'
                : ', which chance may well explain' +
                  (smallestDetectable === null
                    ? '.'
                    : `: so many instances show differences of ${size(smallestDetectable)} points or more.`)}
            </li>
          );
        })}
    </ul>
  );
}

function Runs({ page: { runs } }: OfComparison) {
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">Runs</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways on a phone must do so by keyboard too */}
      <section class="wide" aria-label="Table of runs" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {['run', 'model', 'engine'].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
              {['resolved', 'of', 'rate', '95 % interval', 'infra', 'missing'].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map(({ label, model, engine, passAt1, infra, missing }, index) => (
              <tr key={label}>
                <th scope="row" class="strange">
                  {letter(index)} {visible(label)}
                </th>
                <td class="strange">{visible(model)}</td>
                <td class="engine">{visible(engine)}</td>
                <td class="number">{score(passAt1)}</td>
                <td class="number">{passAt1.instances}</td>
                <td class="number">{percent(passAt1.rate)} %</td>
                <td class="number">{interval(passAt1)}</td>
                <td class="number">{infra.length}</td>
                <td class="number">{missing.length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
