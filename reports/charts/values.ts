import { figure, percent } from '../format.js';

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
