import { interval, percent, score } from '../../../format.js';
import type { RunPage } from '../../model.js';
import { routeHash } from '../route.js';
import type { ViewProps } from './view.js';

/** The first screen of a run, and its table of instances. */
export function RunView({ page, base }: ViewProps & { readonly page: RunPage }) {
  const { summary } = page;
  return (
    <main>
      <h1>
        {summary.model} on {summary.dataset}
      </h1>
      <p>
        Pass@1 {percent(summary.passAt1.rate)} %, 95 % interval {interval(summary.passAt1)},{' '}
        {score(summary.passAt1)} of {summary.passAt1.instances}
      </p>
      <table>
        <thead>
          <tr>
            <th>instance</th>
            <th>outcome</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((row) => (
            <tr key={`${row.instanceId}#${row.attempt}`}>
              <td>
                <a href={routeHash([...base, 'i', row.instanceId, String(row.attempt)])}>{row.instanceId}</a>
              </td>
              <td>{row.outcome}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </main>
  );
}
