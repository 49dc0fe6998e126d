import { place, type Scale } from './scale.js';
import { textWidth } from './text.js';

interface AxisProps {
  readonly scale: Scale;
  readonly format: (value: number) => string;
}

/** Height of the numbers under a horizontal axis. */
export const AXIS_HEIGHT = 20;

/** Grid lines of a horizontal axis from the top to `height`, and its numbers below, as many as there is room for. */
export function AcrossAxis({ scale, format, height }: AxisProps & { readonly height: number }) {
  const { ticks, at } = scale;
  const [first = 0, second = first + 1] = ticks;
  const room = at(second) - at(first);
  const widest = Math.max(0, ...ticks.map((tick) => textWidth(format(tick))));
  const every = Math.max(1, Math.ceil((widest + 10) / room));
  return (
    <g>
      {ticks.map((tick, index) => (
        <g key={tick}>
          <line class="c-grid" x1={place(at(tick))} x2={place(at(tick))} y1={0} y2={place(height)} />
          {index % every === 0 && (
            <text class="c-muted c-mid" x={place(at(tick))} y={place(height + 14)}>
              {format(tick)}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}

/** Grid lines of an upright axis from `left` to `right`, and its numbers left of them. */
export function UpAxis({
  scale: { ticks, at },
  format,
  left,
  right,
}: AxisProps & { readonly left: number; readonly right: number }) {
  return (
    <g>
      {ticks.map((tick) => (
        <g key={tick}>
          <line class="c-grid" x1={left} x2={right} y1={place(at(tick))} y2={place(at(tick))} />
          <text class="c-muted c-end" x={left - 6} y={place(at(tick) + 4)}>
            {format(tick)}
          </text>
        </g>
      ))}
    </g>
  );
}

/** What the numbers of an upright axis need, left of it. */
export function upAxisWidth({ scale, format }: AxisProps): number {
  return Math.ceil(Math.max(0, ...scale.ticks.map((tick) => textWidth(format(tick))))) + 8;
}
