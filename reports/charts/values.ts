import type { Rate } from '../../src/index.js';
import { figure, percent, score } from '../format.js';

/** How the values of a chart are written: at its axis, and by themselves. */
export interface Values {
  readonly tick: (value: number) => string;
  readonly value: (value: number) => string;
}

/** Fractions, in per cent. */
export const SHARES: Values = {
  tick: (fraction) => String(Number((100 * fraction).toPrecision(6))),
  value: (fraction) => `${percent(fraction)} %`,
};

export const NUMBERS: Values = { tick: figure, value: figure };

/** A rate on one line: `62.5 % (42.7 to 78.8), 10/16`. */
export function rateWords(rate: Rate): string {
  const bounds = rate.interval === null ? '-' : `${percent(rate.interval.low)} to ${percent(rate.interval.high)}`;
  return `${percent(rate.rate)} % (${bounds}), ${score(rate)}/${rate.instances}`;
}
