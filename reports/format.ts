import type { Group, Rate, RunSummary } from '../src/index.js';

/** A fraction in per cent with one decimal, without the sign: `62.5`; `-` where it isn't defined. */
export function percent(fraction: number | null): string {
  return fraction === null ? '-' : (100 * fraction).toFixed(1);
}

/** The 95 % interval of a rate: `42.7 to 78.8 %`. */
export function interval({ interval: bounds }: Rate): string {
  return bounds === null ? '-' : `${percent(bounds.low)} to ${percent(bounds.high)} %`;
}

/** A score as people count: whole numbers plain, means over attempts with two decimals. */
export function score({ score: value }: Rate): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** `1 attempt`, `2 attempts`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Why a run's numbers will still change, one reason a line; empty when it is complete. */
export function whyIncomplete({ missing, infraFailures }: RunSummary): readonly string[] {
  return [
    ...(infraFailures.length > 0
      ? [`${count(infraFailures.length, 'attempt')} failed for the machine's fault`]
      : []),
    ...(missing.length > 0 ? [`${count(missing.length, 'planned attempt')} without a verdict`] : []),
  ];
}

/** Groups worth a table: one group says what Pass@1 says. */
export function worthShowing(groups: readonly Group[]): boolean {
  return groups.length > 1;
}

/** Text of a stranger on one line of a terminal or table: control characters become spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
}

/** A name as one part of a path, as the reference harness does it (`/` becomes `__`); never `.`, `..` or empty. */
export function pathPart(name: string): string {
  const flat = name.replaceAll('/', '__').replace(/[\u0000-\u001f\u007f\\]/g, '_');
  return /^\.*$/.test(flat) ? `_${flat.replaceAll('.', '_')}` : flat;
}
