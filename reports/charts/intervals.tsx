import type { Interval } from '../../src/index.js';
import { AcrossAxis, AXIS_HEIGHT } from './axis.js';
import { type Caption, Frame } from './chart.js';
import { type RowLayout, rowLayout } from './rows.js';
import { isDrawable, linearScale, place, type Scale } from './scale.js';
import { label } from './text.js';
import type { Values } from './values.js';

/** An estimate with its interval. */
export interface Estimate {
  readonly name: string;
  /** Null where nothing defines it. */
  readonly value: number | null;
  readonly interval: Interval | null;
  /** Both in words, to the right. */
  readonly words: string;
  /** Single values behind the estimate. */
  readonly points?: readonly number[];
}

interface IntervalsProps {
  readonly caption: Caption;
  readonly rows: readonly Estimate[];
  readonly tick: Values['tick'];
  /** A bar from 0 to the estimate: for shares. */
  readonly bars?: boolean;
  /** A value to compare with, as a broken line. */
  readonly reference?: number;
}

/** A row for each estimate: the interval as a line, the estimate as a dot. With `bars` it shows rates, with `reference` it is a forest plot. */
export function Intervals({ caption, rows, tick, bars = false, reference }: IntervalsProps) {
  const { width } = caption;
  const layout = rowLayout({
    ...{ width, names: rows.map(({ name }) => name), numbers: rows.map(({ words }) => words) },
  });
  const scale = linearScale({
    values: [
      ...(bars ? [0] : []),
      ...(reference === undefined ? [] : [reference]),
      ...rows.flatMap(({ value, interval, points = [] }) =>
        [value, interval?.low, interval?.high, ...points].filter(isDrawable),
      ),
    ],
    range: [layout.left, layout.right],
    ticks: width < 400 ? 4 : 6,
  });
  const height = rows.length * layout.rowHeight + 6;
  return (
    <Frame caption={caption} height={height + AXIS_HEIGHT}>
      <AcrossAxis scale={scale} format={tick} height={height} />
      {reference !== undefined && (
        <line
          class="c-rule"
          x1={place(scale.at(reference))}
          x2={place(scale.at(reference))}
          y1={0}
          y2={place(height)}
        />
      )}
      {rows.map((row, index) => (
        <g key={index} transform={`translate(0 ${index * layout.rowHeight})`}>
          <title>{label(`${row.name}: ${row.words}`)}</title>
          <text class="c-on" y={layout.baseline}>
            {layout.nameOf(row.name)}
          </text>
          <text class="c-end c-on" x={width} y={layout.baseline}>
            {row.words}
          </text>
          <Mark row={row} layout={layout} scale={scale} bars={bars} />
        </g>
      ))}
    </Frame>
  );
}

interface MarkProps {
  readonly row: Estimate;
  readonly layout: RowLayout;
  readonly scale: Scale;
  readonly bars: boolean;
}

function Mark({ row: { value, interval, points = [] }, layout: { middle }, scale, bars }: MarkProps) {
  const at = (one: number) => place(scale.at(one));
  const ends = [interval?.low, interval?.high].filter(isDrawable);
  const [low, high] = ends;
  return (
    <g>
      {bars && isDrawable(value) && (
        <rect
          class="c-accent c-soft"
          x={at(0)}
          y={middle - 6}
          width={Math.max(0, place(at(value) - at(0)))}
          height={12}
        />
      )}
      {low !== undefined && high !== undefined && (
        <path
          class="c-whisker c-stroke-accent"
          d={`M${at(low)} ${middle - 5}v10M${at(low)} ${middle}H${at(high)}M${at(high)} ${middle - 5}v10`}
        />
      )}
      {points.filter(isDrawable).map((point, index) => (
        <path key={index} class="c-whisker c-tick" d={`M${at(point)} ${middle - 6}v12`} />
      ))}
      {isDrawable(value) && <circle class="c-accent" cx={at(value)} cy={middle} r={4} />}
    </g>
  );
}
