import type { ComparedPair, Comparison, Interval } from '../../src/index.js';
import { count, oneLine } from '../format.js';

/** The letter that stands for a run: `A` for the first. */
export function letter(run: number): string {
  return run < 26 ? String.fromCharCode(65 + run) : `R${run + 1}`;
}

/** A difference of fractions in percentage points, with its sign: `+7.6`. */
export function points(difference: number): string {
  const text = (100 * difference).toFixed(1);
  return difference > 0 ? `+${text}` : text;
}

export function pointsInterval(interval: Interval | null): string {
  return interval === null ? '-' : `${points(interval.low)} to ${points(interval.high)}`;
}

/** A size in percentage points without a sign; `-` where it isn't defined. */
export function size(value: number | null): string {
  return value === null ? '-' : (100 * value).toFixed(1);
}

/** A p-value with three digits: `0.0352`, `5.85e-6`. */
export function pValue(p: number): string {
  return p < 0.0001 ? p.toExponential(2) : Number(p.toPrecision(3)).toString();
}

/** The test that a p-value is of. */
export function testWords({ test, wins, losses }: ComparedPair): string {
  const sides = `${count(wins.length, 'win')}, ${losses.length} ${losses.length === 1 ? 'loss' : 'losses'}`;
  if (test.name === 'mcnemar') return `exact McNemar: ${sides}`;
  return `paired permutation test, ${test.method === 'exact' ? 'exact' : 'random signs'}: ${sides}`;
}

/** The p-value of a pair, and the adjusted one where there are several pairs. */
export function pWords(pair: ComparedPair, { pairs }: Comparison): string {
  const adjusted = pairs.length === 1 ? '' : `, ${pValue(pair.adjustedP)} by Holm over ${pairs.length} pairs`;
  return `${pValue(pair.test.p)}${adjusted}`;
}

/** What was compared, on one line. */
export function headline({
  runs,
  instances,
  dataset,
  datasetRevision,
  profile,
  verdicts,
}: Comparison): string {
  return oneLine(
    `${runs.length} runs on ${dataset}, revision ${datasetRevision}, profile ${profile}, ${verdicts} verdicts, ${count(instances.length, 'instance')}`,
  );
}

/** What a reader must know before the numbers, one line each: what wasn't run, what will change, what was left out, what else differs. */
export function cautions({ runs, incomplete, leftOut, warnings }: Comparison): readonly string[] {
  const imported = runs.flatMap(({ engine }, index) => (engine === 'imported' ? [letter(index)] : []));
  return [
    ...(imported.length === 0 ? [] : [`imported, not run here: ${imported.join(', ')}`]),
    ...(incomplete.length === 0
      ? []
      : [
          `INCOMPLETE: ${count(incomplete.length, 'instance')} without a verdict or failed by the machine in a run, counted as not resolved: ${some(incomplete)}`,
        ]),
    ...(leftOut.length === 0
      ? []
      : [
          `left out: ${count(leftOut.length, 'instance')} that not all runs have with the same row: ${some(leftOut)}`,
        ]),
    ...warnings.map((warning) => `differs: ${warning}`),
  ].map(oneLine);
}

const SHOWN = 5;

function some(ids: readonly string[]): string {
  return `${ids.slice(0, SHOWN).join(', ')}${ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : ''}`;
}

/** A sum of scores: whole numbers plain, shares of attempts with two decimals. */
export function scoreSum(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
