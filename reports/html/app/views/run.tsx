import { useMemo } from 'preact/hooks';
import { runCharts } from '../../../charts/run.js';
import type { RunPage } from '../../model.js';
import { titleOf } from '../../title.js';
import { Charts } from '../parts/charts.js';
import { LiveLine } from '../parts/live.js';
import { Strange } from '../parts/strange.js';
import { routeHash } from '../route.js';
import { usePlace } from '../scroll.js';
import { Conditions } from './run-conditions.js';
import { Groups } from './run-groups.js';
import { Infrastructure, NotValid } from './run-problems.js';
import { Incomplete, Result } from './run-result.js';
import { reveal } from './run-sections.js';
import { InstanceTable } from './table.js';
import type { ViewProps } from './view.js';
import './run.css';

/** In the tables of rates, beside their numbers. */
const DRAWN_ABOVE = new Set(['pass-at-1', 'outcomes-by-month']);

/** The first screen of a run, and its table of instances. */
export function RunView({ page, base, route }: ViewProps & { readonly page: RunPage }) {
  usePlace(routeHash([...base, ...route.path], route.query), () => reveal(route.path[0]));
  // Filters change the route with each key: all above the table stays as it is.
  const above = useMemo(
    () => (
      <>
        <h1>
          <Strange text={titleOf(page)} />
        </h1>
        {page.live === undefined ? (
          <Incomplete summary={page.summary} />
        ) : (
          <LiveLine live={page.live} now={page.generatedAt} />
        )}
        <Result page={page} base={base} />
        <Infrastructure page={page} base={base} />
        <Conditions page={page} />
        <NotValid page={page} base={base} />
        <Groups page={page} base={base} />
        <section id="plots" tabIndex={-1}>
          <h2>Plots</h2>
          <Charts charts={runCharts(page).filter(({ id }) => !DRAWN_ABOVE.has(id))} />
        </section>
      </>
    ),
    [page, base.join('/')],
  );
  return (
    <main tabIndex={-1}>
      {above}
      <InstanceTable page={page} base={base} route={route} />
    </main>
  );
}
