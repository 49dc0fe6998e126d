import { runCharts } from '../../../charts/run.js';
import type { RunPage } from '../../model.js';
import { Charts } from '../parts/charts.js';

/** What of a run is seen rather than read; Pass@1 is drawn above, beside its numbers. */
export function RunCharts({ page }: { readonly page: RunPage }) {
  const charts = runCharts(page).filter(({ id }) => id !== 'pass-at-1');
  if (charts.length === 0) return null;
  return (
    <section id="charts" tabIndex={-1} aria-labelledby="charts-title">
      <h2 id="charts-title">Charts</h2>
      <Charts charts={charts} />
    </section>
  );
}
