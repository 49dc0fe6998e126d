import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Chart } from '../../../charts/chart.js';
import { PAGE_STYLE } from '../../../charts/style.js';
import { visible } from './strange.js';
import './charts.css';

/** Charts as wide as there is room for, each with its numbers as a table for those who don't see it. */
export function Charts({ charts }: { readonly charts: readonly Chart[] }) {
  return (
    <div class="charts">
      <style>{PAGE_STYLE}</style>
      {charts.map((chart) => (
        <Figure key={chart.id} chart={chart} />
      ))}
    </div>
  );
}

/** Where it can't be measured, and on paper. */
const USUAL_WIDTH = 560;

function Figure({ chart: { title, draw, table } }: { readonly chart: Chart }) {
  const figure = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(USUAL_WIDTH);
  useLayoutEffect(() => {
    const element = figure.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => {
      const room = Math.floor(entry?.contentRect.width ?? 0);
      if (room > 0) setWidth(room);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <figure class="figure" ref={figure}>
      {draw(width)}
      <details>
        <summary>
          Numbers<span class="unseen"> of: {title}</span>
        </summary>
        <Numbers title={title} table={table} />
      </details>
    </figure>
  );
}

function Numbers({ title, table: { columns, rows } }: Pick<Chart, 'title' | 'table'>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways on a phone must do so by keyboard too
    <section class="wide" aria-label={`Numbers of: ${title}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={column} scope="col" class={index === 0 ? undefined : 'number'}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, index) =>
                index === 0 ? (
                  <th key={index} scope="row" class="strange">
                    {visible(cell)}
                  </th>
                ) : (
                  <td key={index} class="number">
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
