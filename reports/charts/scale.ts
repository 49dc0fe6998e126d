/** Values to places along an axis. */
export interface Scale {
  readonly at: (value: number) => number;
  /** Round values inside the domain, in order. */
  readonly ticks: readonly number[];
  readonly low: number;
  readonly high: number;
}

interface ScaleOptions {
  /** The domain holds all of these; what isn't finite is left out. */
  readonly values: readonly number[];
  readonly range: readonly [from: number, to: number];
  /** About how many. */
  readonly ticks: number;
  /** Ticks are whole numbers. */
  readonly whole?: boolean;
}

/** A linear scale whose domain begins and ends at a tick; ticks are 1, 2, 2.5 or 5 times a power of ten apart. */
export function linearScale({ values, range: [from, to], ticks, whole = false }: ScaleOptions): Scale {
  const known = values.filter(isDrawable);
  const least = known.reduce((low, value) => Math.min(low, value), known[0] ?? 0);
  const most = known.reduce((high, value) => Math.max(high, value), least);
  const span = most > least ? most - least : Math.abs(least) || 1;
  const step = roundStep(span / ticks, whole);
  const first = Math.floor(round(least / step));
  const last = Math.max(Math.ceil(round(most / step)), first + 1);
  const [low, high] = [round(first * step), round(last * step)];
  return {
    at: (value) => from + ((value - low) / (high - low)) * (to - from),
    ticks: Array.from({ length: last - first + 1 }, (_, index) => round((first + index) * step)),
    low,
    high,
  };
}

/** Finite, and small enough that a difference of two is, too. */
export function isDrawable(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Math.abs(value) < 1e100;
}

/** Places in an image: a tenth of a unit is enough. */
export function place(value: number): number {
  return Math.round(value * 10) / 10;
}

function roundStep(rough: number, whole: boolean): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  const fits = (step: number) => step >= rough * 0.999 && !(whole && !Number.isInteger(step));
  return steps.find(fits) ?? Math.max(1, 10 * power);
}

/** Without the dust of binary fractions. */
function round(value: number): number {
  return Number(value.toPrecision(12));
}
