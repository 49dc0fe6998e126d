import { AcrossAxis, AXIS_HEIGHT, UpAxis, upAxisWidth } from './axis.js';
import { type Caption, Frame } from './chart.js';
import { isDrawable, linearScale, place, type Scale } from './scale.js';
import { BOLD, cutTo, label, textWidth } from './text.js';
import type { Values } from './values.js';

export interface Point {
  readonly x: number;
  /** Undefined: a gap. */
  readonly y: number | undefined;
  /** Of a band around the line. */
  readonly band?: readonly [low: number, high: number];
}

export interface Series {
  readonly name: string;
  /** In order of x. */
  readonly points: readonly Point[];
}

interface LinesProps {
  readonly caption: Caption;
  readonly series: readonly Series[];
  /** What x counts: `iteration`. */
  readonly unit: string;
  readonly values: Values;
  /** The axis begins at 0: for shares and counts. */
  readonly fromZero: boolean;
  /** Values of x with something to say about. */
  readonly marks?: readonly { readonly x: number; readonly words: string }[];
}

const PLOT = 170;
const TOP = 10;
/** Lines with more points than this have no dots. */
const MOST_DOTS = 60;
const LABEL_LINE = 14;

/** Series over whole numbers, each with its name and last value at its end. */
export function Lines({ caption, series, unit, values, fromZero, marks = [] }: LinesProps) {
  const { width } = caption;
  const all = series.flatMap(({ points }) => points);
  const up = linearScale({
    values: [
      ...(fromZero ? [0] : []),
      ...all.flatMap(({ y, band = [] }) => (isDrawable(y) ? [y, ...band] : [])),
    ],
    range: [TOP + PLOT, TOP],
    ticks: 4,
  });
  const named = labelsOf(series, { up, format: values.value, room: width * 0.38, bottom: TOP + PLOT });
  const left = upAxisWidth({ scale: up, format: values.tick });
  const right = width - Math.max(10, ...named.map(({ text }) => textWidth(text) * BOLD + 10));
  const xs = all.map(({ x }) => x);
  const across = wholeScale(xs, [left + 6, right - 6]);
  return (
    <Frame caption={caption} height={TOP + PLOT + AXIS_HEIGHT + 16}>
      <UpAxis scale={up} format={values.tick} left={left} right={right} />
      <g transform={`translate(0 ${TOP + PLOT})`}>
        <AcrossAxis scale={across} format={String} height={4} />
      </g>
      <text class="c-muted c-mid" x={place((left + right) / 2)} y={TOP + PLOT + 32}>
        {unit}
      </text>
      {marks.map(({ x, words }, index) => (
        <g key={index}>
          <title>{label(words)}</title>
          <path class="c-rule" d={`M${place(across.at(x))} ${TOP}v${PLOT}`} />
          <path class="c-unresolved" d={`M${place(across.at(x) - 5)} ${TOP - 8}h10l-5 9z`} />
        </g>
      ))}
      {series.map(({ points }, index) => (
        <Line key={index} points={points} index={index} scales={[across, up]} />
      ))}
      {series.map(({ name, points }, index) =>
        dotsOf(points).map(({ x, y }) => (
          <circle
            key={`${index} ${x}`}
            class={`c-dot${index}`}
            cx={place(across.at(x))}
            cy={place(up.at(y))}
            r={2.5}
          >
            <title>{label(`${name}, ${unit} ${x}: ${values.value(y)}`)}</title>
          </circle>
        )),
      )}
      {named.map(({ text, y, index }) => (
        <text key={index} class={`c-strong c-dot${index}`} x={place(right + 6)} y={place(y + 4)}>
          {text}
        </text>
      ))}
      {named.length === 0 && (
        <text class="c-muted c-mid" x={place((left + right) / 2)} y={TOP + PLOT / 2}>
          no values
        </text>
      )}
    </Frame>
  );
}

interface LineProps {
  readonly points: readonly Point[];
  readonly index: number;
  readonly scales: readonly [across: Scale, up: Scale];
}

function Line({ points, index, scales: [across, up] }: LineProps) {
  const parts = partsOf(points);
  const at = (x: number, y: number) => `${place(across.at(x))} ${place(up.at(y))}`;
  const bands = parts.flatMap((part) => {
    const known = part.flatMap(({ x, band }) => (band === undefined ? [] : [{ x, band }]));
    const [high, low] = [
      known.map(({ x, band }) => at(x, band[1])),
      known.map(({ x, band }) => at(x, band[0])).reverse(),
    ];
    return known.length < 2 ? [] : [`M${[...high, ...low].join('L')}Z`];
  });
  return (
    <g>
      {bands.map((path) => (
        <path key={path} class={`c-dot${index} c-soft`} d={path} />
      ))}
      {parts.map((part) => (
        <path
          key={part[0]?.x}
          class={`c-line c-series${index} c-dash${index}`}
          d={`M${part.map(({ x, y }) => at(x, y)).join('L')}`}
        />
      ))}
    </g>
  );
}

interface KnownPoint extends Point {
  readonly y: number;
}

const isKnown = (point: Point): point is KnownPoint => isDrawable(point.y);

/** What lies between gaps. */
function partsOf(points: readonly Point[]): readonly (readonly KnownPoint[])[] {
  const parts: KnownPoint[][] = [[]];
  for (const point of points)
    if (isKnown(point)) parts.at(-1)?.push(point);
    else parts.push([]);
  return parts.filter((part) => part.length > 0);
}

/** Points that show as such: all of few ones, and those that no line reaches. */
function dotsOf(points: readonly Point[]): readonly KnownPoint[] {
  if (points.length <= MOST_DOTS) return points.filter(isKnown);
  return partsOf(points).flatMap((part) => (part.length === 1 ? part : []));
}

/** Names at the ends of their lines, moved apart where they would meet. */
function labelsOf(
  series: readonly Series[],
  options: {
    readonly up: Scale;
    readonly format: (value: number) => string;
    readonly room: number;
    readonly bottom: number;
  },
) {
  const { up, format, room, bottom } = options;
  const ends = series.flatMap(({ name, points }, index) => {
    const last = points.findLast(isKnown);
    if (last === undefined) return [];
    const text = series.length === 1 ? format(last.y) : `${label(name)} ${format(last.y)}`;
    return [{ index, text: cutTo(text, room / BOLD), y: up.at(last.y) }];
  });
  const placed = ends.toSorted((a, b) => a.y - b.y);
  let lowest = Number.NEGATIVE_INFINITY;
  for (const one of placed) one.y = lowest = Math.max(one.y, lowest + LABEL_LINE);
  let highest = bottom + LABEL_LINE;
  for (const one of placed.toReversed()) one.y = highest = Math.min(one.y, highest - LABEL_LINE);
  return placed;
}

/** A scale that begins and ends where the values do, with ticks at whole numbers. */
function wholeScale(values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const low = values.reduce((least, value) => Math.min(least, value), values[0] ?? 0);
  const high = values.reduce((most, value) => Math.max(most, value), low);
  const { ticks } = linearScale({ values: [low, high], range: [from, to], ticks: 6, whole: true });
  return {
    ...{ low, high },
    ticks: high === low ? [low] : ticks.filter((tick) => tick >= low && tick <= high),
    at: (value) => (high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from)),
  };
}
