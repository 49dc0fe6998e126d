import { trainingCharts } from '../../../charts/training.js';
import { count, figure, percent } from '../../../format.js';
import type { TrainingPage } from '../../model.js';
import { Charts } from '../parts/charts.js';
import { Strange } from '../parts/strange.js';
import { Iterations } from './training-table.js';
import type { ViewProps } from './view.js';
import './training.css';

interface OfTraining {
  readonly page: TrainingPage;
}

const METHODS = { dapo: 'DAPO', rft: 'rejection fine-tuning' } as const;

/** A training: its curves, what was unusual, its numbers and settings. */
export function TrainingView({ page }: ViewProps & OfTraining) {
  const charts = trainingCharts(page);
  return (
    <main tabIndex={-1} class="training">
      <h1>
        Training <Strange text={page.name} />
      </h1>
      <p>
        By {METHODS[page.method]}, {count(page.points.length, page.unit)} so far,{' '}
        {count(page.points.filter(({ saved }) => saved).length, 'checkpoint')}.
      </p>
      {page.points.length === 0 && <p role="status">No {page.unit} has ended yet.</p>}
      <Selection page={page} />
      <Last page={page} />
      <Alarms page={page} />
      {charts.length > 0 && (
        <section aria-labelledby="curves">
          <h2 id="curves">Curves</h2>
          {page.method === 'dapo' && (
            <p class="note">
              Rates are of the training problems of each iteration, with the sampling of training: the rates
              to publish are those of an evaluation.
            </p>
          )}
          <Charts charts={charts} />
        </section>
      )}
      <Iterations page={page} />
      <Settings page={page} />
    </main>
  );
}

/** Figures of the last point beside those of the first. */
const KEY_FIGURES: readonly (readonly [metric: string, name: string, write: (value: number) => string])[] = [
  ['rollout/pass_at_1', 'Pass@1', (value) => `${percent(value)} %`],
  ['rollout/pass_at_k', 'Pass@', (value) => `${percent(value)} %`],
  ['rollout/reward', 'reward', figure],
  ['rollout/turns', 'turns', figure],
  ['rollout/submitted', 'submitted', (value) => `${percent(value)} %`],
  ['train/loss', 'loss', figure],
];

function Last({ page: { points, unit, k } }: OfTraining) {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return null;
  const shown = KEY_FIGURES.flatMap(([metric, name, write]) => {
    const [before, now] = [first.metrics[metric], last.metrics[metric]];
    if (now === undefined) return [];
    return [{ name: name === 'Pass@' ? `Pass@${k}` : name, now: write(now), before, write }];
  });
  return (
    <section aria-labelledby="last">
      <h2 id="last">
        At {unit} {last.at}
      </h2>
      <dl class="key-figures">
        {shown.map(({ name, now, before, write }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <strong>{now}</strong>
              {before !== undefined && first !== last && (
                <span class="note">
                  {' '}
                  {write(before)} at {first.at}
                </span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Selection({ page: { selection } }: OfTraining) {
  if (selection.length === 0) return null;
  return (
    <section aria-labelledby="selection">
      <h2 id="selection">Episodes that were learnt</h2>
      <table class="narrow">
        <thead>
          <tr>
            <th scope="col">step of the selection</th>
            <th scope="col" class="number">
              dropped
            </th>
            <th scope="col" class="number">
              left
            </th>
          </tr>
        </thead>
        <tbody>
          {selection.map(({ words, dropped, left }) => (
            <tr key={words}>
              <th scope="row">
                <Strange text={words} />
              </th>
              <td class="number">{dropped}</td>
              <td class="number">{left}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Alarms({ page: { points, unit, method } }: OfTraining) {
  if (method !== 'dapo' || points.length === 0) return null;
  const raised = new Map<string, { readonly at: readonly number[]; readonly words: string }>();
  for (const { at, alarms } of points)
    for (const { name, words } of alarms) {
      const before = raised.get(name)?.at ?? [];
      raised.set(name, { at: [...before, at], words });
    }
  return (
    <section aria-labelledby="alarms">
      <h2 id="alarms">{raised.size === 0 ? 'No alarm' : 'Alarms'}</h2>
      {raised.size === 0 && <p>Nothing unusual in any {unit}.</p>}
      <ul class="alarms">
        {[...raised].map(([name, { at, words }]) => (
          <li key={name}>
            <span aria-hidden="true">▼</span>{' '}
            <strong>
              <Strange text={name} />, {unit}
              {at.length === 1 ? '' : 's'} {listed(at)}
            </strong>{' '}
            <Strange text={words} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** More are counted: the curves mark all. */
const SHOWN = 8;

function listed(at: readonly number[]): string {
  const more = at.length - SHOWN;
  return `${at.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function Settings({ page: { settings } }: OfTraining) {
  if (settings.length === 0) return null;
  return (
    <section aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <details>
        <summary>{count(settings.length, 'setting')}</summary>
        <table class="settings">
          <tbody>
            {settings.map(({ name, value }) => (
              <tr key={name}>
                <th scope="row">
                  <Strange text={name} />
                </th>
                <td>
                  <Strange text={value} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}
