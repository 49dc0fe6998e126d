import { figure } from '../../../format.js';
import type { TrainingPage } from '../../model.js';
import { Strange } from '../parts/strange.js';

/** All metrics of all points: those who don't see the curves read them here. */
export function Iterations({ page: { points, unit } }: { readonly page: TrainingPage }) {
  if (points.length === 0) return null;
  const names = [...new Set(points.flatMap(({ metrics }) => Object.keys(metrics)))];
  return (
    <section aria-labelledby="points">
      <h2 id="points">All numbers</h2>
      <details>
        <summary>
          {names.length} metrics of {points.length} {unit}s
        </summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must do so by keyboard too */}
        <section class="wide" aria-label="All numbers" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">metric</th>
                {points.map(({ at, alarms }) => (
                  <th key={at} scope="col" class="number">
                    {at}
                    {alarms.length > 0 && <span title={alarms.map(({ name }) => name).join(', ')}> ▼</span>}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row">
                    <Strange text={name} />
                  </th>
                  {points.map(({ at, metrics: { [name]: value } }) => (
                    <td key={at} class="number">
                      {value === undefined ? '-' : figure(value)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </section>
  );
}
