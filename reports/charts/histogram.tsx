import { AXIS_HEIGHT, UpAxis, upAxisWidth } from './axis.js';
import { type Caption, Frame } from './chart.js';
import { linearScale, place } from './scale.js';
import { textWidth } from './text.js';

/** Counts between edges that are drawn equally far apart. */
export interface Bins {
  /** One more than counts. */
  readonly edges: readonly string[];
  readonly counts: readonly number[];
}

interface HistogramProps {
  readonly caption: Caption;
  readonly bins: Bins;
  /** A place in bins: 1.5 is the middle of the second. */
  readonly mark: { readonly at: number; readonly words: string };
}

const PLOT = 150;
const TOP = 20;

/** How many values lie where, with one place marked. */
export function Histogram({ caption, bins: { edges, counts }, mark }: HistogramProps) {
  const { width } = caption;
  const scale = linearScale({ values: [0, ...counts], range: [TOP + PLOT, TOP], ticks: 4, whole: true });
  const left = upAxisWidth({ scale, format: String });
  const right = width - 20;
  const step = (right - left) / Math.max(1, counts.length);
  const widest = edges.reduce((most, edge) => Math.max(most, textWidth(edge)), 0);
  const every = Math.max(1, Math.ceil((widest + 8) / step));
  const markX = place(left + mark.at * step);
  const isRight = markX + textWidth(mark.words) + 8 > width;
  return (
    <Frame caption={caption} height={TOP + PLOT + AXIS_HEIGHT}>
      <UpAxis scale={scale} format={String} left={left} right={right} />
      {counts.map((count, index) => (
        <g key={index}>
          <title>{`${edges[index]} to ${edges[index + 1]}: ${count}`}</title>
          <rect
            class="c-accent"
            x={place(left + index * step + 1)}
            y={place(scale.at(count))}
            width={place(Math.max(1, step - 2))}
            height={place(TOP + PLOT - scale.at(count))}
          />
        </g>
      ))}
      {edges.map((edge, index) => (
        <g key={index}>
          <path class="c-tick" d={`M${place(left + index * step)} ${TOP + PLOT}v4`} />
          {index % every === 0 && (
            <text class="c-muted c-mid" x={place(left + index * step)} y={TOP + PLOT + 16}>
              {edge}
            </text>
          )}
        </g>
      ))}
      <line class="c-rule" x1={markX} x2={markX} y1={4} y2={TOP + PLOT} />
      <text class={isRight ? 'c-end c-on' : 'c-on'} x={markX + (isRight ? -5 : 5)} y={13}>
        {mark.words}
      </text>
    </Frame>
  );
}
