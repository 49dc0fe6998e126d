import { AcrossAxis, AXIS_HEIGHT } from './axis.js';
import { type Caption, Frame } from './chart.js';
import { rowLayout } from './rows.js';
import { linearScale, place } from './scale.js';
import { label } from './text.js';

/** What a group has on either side of zero. */
export interface Balance {
  readonly name: string;
  readonly losses: number;
  readonly wins: number;
}

interface BalancesProps {
  readonly caption: Caption;
  readonly rows: readonly Balance[];
}

/** A bar to the left for losses, one to the right for wins. */
export function Balances({ caption, rows }: BalancesProps) {
  const { width } = caption;
  const words = rows.map(({ wins, losses }) => `${wins} won, ${losses} lost`);
  const layout = rowLayout({ width, names: rows.map(({ name }) => name), numbers: words });
  const scale = linearScale({
    values: [0, ...rows.flatMap(({ wins, losses }) => [wins, -losses])],
    range: [layout.left, layout.right],
    ticks: width < 400 ? 4 : 6,
    whole: true,
  });
  const height = rows.length * layout.rowHeight + 4;
  const zero = place(scale.at(0));
  return (
    <Frame caption={caption} height={height + AXIS_HEIGHT}>
      <AcrossAxis scale={scale} format={(value) => String(Math.abs(value))} height={height} />
      {rows.map(({ name, wins, losses }, index) => (
        <g key={index} transform={`translate(0 ${index * layout.rowHeight})`}>
          <title>{label(`${name}: ${words[index]}`)}</title>
          <text class="c-on" y={layout.baseline}>
            {layout.nameOf(name)}
          </text>
          <text class="c-end c-on" x={width} y={layout.baseline}>
            {words[index]}
          </text>
          <rect
            class="c-unresolved"
            x={place(scale.at(-losses))}
            y={layout.middle - 6}
            width={place(zero - scale.at(-losses))}
            height={12}
          />
          <rect
            class="c-resolved"
            x={zero}
            y={layout.middle - 6}
            width={place(scale.at(wins) - zero)}
            height={12}
          />
        </g>
      ))}
      <line class="c-tick" x1={zero} x2={zero} y1={0} y2={height} />
    </Frame>
  );
}
