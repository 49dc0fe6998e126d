import { FATES, type Fate } from '../html/fates.js';
import { AcrossAxis, AXIS_HEIGHT } from './axis.js';
import { type Caption, Frame } from './chart.js';
import { FATE_NAMES, OutcomeBox, Patterns } from './patterns.js';
import { type RowLayout, rowLayout } from './rows.js';
import { linearScale, place, type Scale } from './scale.js';
import { label, textWidth } from './text.js';

/** Attempts of a group by what they came to. */
export interface Stack {
  readonly name: string;
  readonly counts: Readonly<Partial<Record<Fate, number>>>;
}

interface StacksProps {
  readonly caption: Caption;
  /** In order; those that are too many are drawn as one. */
  readonly rows: readonly Stack[];
}

/** More rows are no image that one can read. */
const MOST_ROWS = 25;

/** A bar for each group, as long as it has attempts, in the colours and patterns of their outcomes. */
export function Stacks({ caption, rows: all }: StacksProps) {
  const { width, id } = caption;
  const rows = shownOf(all);
  const words = rows.map((row) => `${row.counts.resolved ?? 0} of ${total(row)}`);
  const layout = rowLayout({ width, names: rows.map(({ name }) => name), numbers: words });
  const scale = linearScale({
    values: [0, ...rows.map(total)],
    range: [layout.left, layout.right],
    ticks: width < 400 ? 4 : 6,
    whole: true,
  });
  const present = FATE_NAMES.filter((name) => rows.some(({ counts }) => (counts[name] ?? 0) > 0));
  const legend = placeLegend(present, width);
  const height = rows.length * layout.rowHeight + 4;
  return (
    <Frame caption={caption} height={legend.height + height + AXIS_HEIGHT}>
      <Patterns id={id} />
      {legend.entries.map(({ name, words: outcome, x, y }) => (
        <g key={name}>
          <OutcomeBox {...{ id, name, x, y, width: 16, height: 12 }} />
          <text x={x + 21} y={y + 10}>
            {outcome}
          </text>
        </g>
      ))}
      <g transform={`translate(0 ${legend.height})`}>
        <AcrossAxis scale={scale} format={String} height={height} />
        {rows.map((row, index) => (
          <g key={index} transform={`translate(0 ${index * layout.rowHeight})`}>
            <title>{label(`${row.name}: ${inWords(row)}`)}</title>
            <text class="c-on" y={layout.baseline}>
              {layout.nameOf(row.name)}
            </text>
            <text class="c-end c-on" x={width} y={layout.baseline}>
              {words[index]}
            </text>
            <Bar id={id} row={row} layout={layout} scale={scale} />
          </g>
        ))}
      </g>
    </Frame>
  );
}

/** `3 resolved, 1 unresolved`. */
export function inWords({ counts }: Stack): string {
  return FATE_NAMES.flatMap((name) =>
    (counts[name] ?? 0) > 0 ? [`${counts[name]} ${FATES[name].words}`] : [],
  ).join(', ');
}

interface BarProps {
  readonly id: string;
  readonly row: Stack;
  readonly layout: RowLayout;
  readonly scale: Scale;
}

function Bar({ id, row: { counts }, layout: { middle }, scale }: BarProps) {
  let before = 0;
  const parts = FATE_NAMES.flatMap((name) => {
    const number = counts[name] ?? 0;
    const x = place(scale.at(before));
    before += number;
    return number === 0 ? [] : [{ name, number, x, width: place(scale.at(before) - x) }];
  });
  return (
    <g>
      {parts.map(({ name, number, x, width }) => (
        <g key={name}>
          <OutcomeBox {...{ id, name, x, y: middle - 8, width, height: 16 }} />
          {width > textWidth(String(number)) + 8 && (
            <text
              class={`c-mid ${name === 'resolved' ? 'c-inverse' : 'c-on'}`}
              x={place(x + width / 2)}
              y={middle + 4}
            >
              {number}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}

function total({ counts }: Stack): number {
  return FATE_NAMES.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
}

function shownOf(rows: readonly Stack[]): readonly Stack[] {
  if (rows.length <= MOST_ROWS) return rows;
  const rest = rows.slice(MOST_ROWS - 1);
  const counts = Object.fromEntries(
    FATE_NAMES.map((name) => [name, rest.reduce((sum, row) => sum + (row.counts[name] ?? 0), 0)]),
  );
  return [...rows.slice(0, MOST_ROWS - 1), { name: `${rest.length} others`, counts }];
}

function placeLegend(present: readonly Fate[], width: number) {
  let [x, y] = [0, 0];
  const entries = present.map((name) => {
    const { words } = FATES[name];
    const needed = 21 + textWidth(words) + 14;
    if (x > 0 && x + needed > width) [x, y] = [0, y + 18];
    const entry = { name, words, x: place(x), y };
    x += needed;
    return entry;
  });
  return { entries, height: y + 22 };
}
