import type { Rate, RunSummary } from '../../../../src/index.js';
import { count, denominators, interval, percent, score, whyIncomplete } from '../../../format.js';
import { cite } from '../../cite.js';
import type { RunPage } from '../../model.js';
import { Copy } from '../parts/copy.js';
import { FATES, type Fate, Outcome } from '../parts/outcome.js';
import { Range } from '../parts/range.js';
import { Strange } from '../parts/strange.js';
import { routeHash } from '../route.js';
import './run-result.css';

interface OfRun {
  readonly page: RunPage;
  readonly base: readonly string[];
}

/** Why the numbers will still change. */
export function Incomplete({ summary }: { readonly summary: RunSummary }) {
  if (!summary.incomplete) return null;
  return (
    <div class="incomplete" role="note">
      <strong>INCOMPLETE: these numbers are not final.</strong> {whyIncomplete(summary).join('; ')}.
    </div>
  );
}

/** Pass@1 with its doubts, what became of the attempts, and all rates by their denominators. */
export function Result({ page, base }: OfRun) {
  const { summary } = page;
  const { passAt1, strict, withoutPrediction } = summary;
  return (
    <section id="result" tabIndex={-1} aria-label="Result">
      <div class="figures">
        <Figure name={strict === null ? 'Pass@1' : 'Pass@1, official verdict'} rate={passAt1} />
        {strict !== null && (
          <Figure name="Pass@1, strict verdict" rate={strict.passAt1}>
            {strict.differing.length === 0 ? (
              'No attempt is resolved by the official verdict alone.'
            ) : (
              <a href={routeHash([...base, 'instances'], new URLSearchParams({ strict: 'differs' }))}>
                {count(strict.differing.length, 'attempt')} resolved by the official verdict and not by the
                strict one
              </a>
            )}
          </Figure>
        )}
        <Outcomes page={page} base={base} />
      </div>
      <Repeats summary={summary} />
      <Denominators summary={summary} />
      <p class="note">
        The interval is Wilson's; standard errors are in percentage points, the last one clustered by
        repository.
        {withoutPrediction.length > 0 &&
          ` ${count(withoutPrediction.length, 'instance')} without a prediction, counted as not resolved.`}
      </p>
      <div class="cite">
        <span class="label">Cite</span>
        <blockquote>
          <Strange text={cite(page)} />
        </blockquote>
        <Copy text={cite(page)} label="Copy citation" />
      </div>
    </section>
  );
}

function Figure({
  name,
  rate,
  children,
}: {
  readonly name: string;
  readonly rate: Rate;
  readonly children?: preact.ComponentChildren;
}) {
  return (
    <div class="figure">
      <div class="label">{name}</div>
      <div class="value">{percent(rate.rate)} %</div>
      <Range rate={rate} />
      <div class="scale" aria-hidden="true">
        <span>0</span>
        <span>50</span>
        <span>100 %</span>
      </div>
      <div>
        95 % interval <span class="together">{interval(rate)}</span>,{' '}
        <span class="together">
          {score(rate)} of {count(rate.instances, 'instance')}
        </span>
      </div>
      {children !== undefined && <div class="more">{children}</div>}
    </div>
  );
}

/** How many attempts have each fate, as a bar and in numbers; each leads to its rows. */
function Outcomes({ page: { summary }, base }: OfRun) {
  const { outcomes, missing, withoutPrediction } = summary;
  const more: Partial<Record<Fate, number>> = {
    ...(missing.length === 0 ? {} : { missing: missing.length }),
    ...(withoutPrediction.length === 0 ? {} : { no_prediction: withoutPrediction.length }),
  };
  const counts = { ...outcomes, ...more };
  const total = Object.values(counts).reduce((sum, value) => sum + value, 0);
  const fates = (Object.keys(FATES) as Fate[]).flatMap((fate) => {
    const attempts = counts[fate];
    return attempts === undefined ? [] : [{ fate, attempts }];
  });
  return (
    <div class="outcomes">
      <div class="label">Outcomes of {count(total, 'attempt')}</div>
      <div class="bar" aria-hidden="true">
        {fates.map(({ fate, attempts }) => (
          <span key={fate} class={`pattern ${fate}`} style={{ flexGrow: attempts }} />
        ))}
      </div>
      <table class="plain">
        <tbody>
          {fates.map(({ fate, attempts }) => (
            <tr key={fate}>
              <td>
                <span class={`swatch pattern ${fate}`} aria-hidden="true" />
              </td>
              <th scope="row">
                <a href={routeHash([...base, 'instances'], new URLSearchParams({ outcome: fate }))}>
                  <Outcome of={fate} />
                </a>
              </th>
              <td class="number">{attempts}</td>
              <td class="number">{percent(total === 0 ? null : attempts / total)} %</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Repeats({ summary: { runs, passAtK } }: { readonly summary: RunSummary }) {
  return (
    <>
      {runs !== null && (
        <p>
          <strong>
            {percent(runs.mean)} ± {percent(runs.sem)} %
          </strong>{' '}
          is the mean and standard error over {runs.rates.length} runs ({runs.rates.map(percent).join(', ')}).
        </p>
      )}
      {passAtK.length > 1 && (
        <dl class="pass-at-k">
          {passAtK.map(({ k, value }) => (
            <div key={k}>
              <dt>pass@{k}</dt>
              <dd>{percent(value)} %</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

function Denominators({ summary }: { readonly summary: RunSummary }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways on a phone must do so by keyboard too
    <section class="wide" aria-label="Pass@1 by denominator" tabIndex={0}>
      <table class="denominators">
        <thead>
          <tr>
            <th scope="col">denominator</th>
            {['resolved', 'of', 'rate'].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
            <th scope="col" colSpan={2}>
              95 % interval
            </th>
            {['binomial', 'instances', 'by repository'].map((name) => (
              <th key={name} scope="col" class="number">
                s.e. {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {denominators(summary).map(({ name, rate }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{score(rate)}</td>
              <td class="number">{rate.instances}</td>
              <td class="number">{percent(rate.rate)} %</td>
              <td class="number">{interval(rate)}</td>
              <td class="drawn">
                <Range rate={rate} />
              </td>
              <td class="number">{percent(rate.binomialError)}</td>
              <td class="number">{percent(rate.instanceError)}</td>
              <td class="number">{percent(rate.clusteredError)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
