import type { Group, Rate, RunSummary, ValidationClass, ValidationEntry } from '../src/index.js';

/** A fraction in per cent with one decimal, without the sign: `62.5`; `-` where it isn't defined. */
export function percent(fraction: number | null): string {
  return fraction === null ? '-' : (100 * fraction).toFixed(1);
}

/** The 95 % interval of a rate: `42.7 to 78.8 %`. */
export function interval({ interval: bounds }: Rate): string {
  return bounds === null ? '-' : `${percent(bounds.low)} to ${percent(bounds.high)} %`;
}

/** A score as people count: whole numbers plain, means over attempts with two decimals. */
export function score({ score: value }: Pick<Rate, 'score'>): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** A number with up to three digits that count: `0.314`, `12.3`, `2.5e-7`; whole ones below a million in full. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  return size >= 1e6 || size < 0.001
    ? value.toExponential(1).replace('.0e', 'e')
    : String(Number(value.toPrecision(3)));
}

/** A duration: `0.25 s`, `12.3 s`, `2.5 min`, `1.2 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${figure(seconds)} s`;
  return seconds < 3600 ? `${figure(seconds / 60)} min` : `${figure(seconds / 3600)} h`;
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

/** The rates of a run by what they divide by, the one to publish first. */
export function denominators({
  passAt1,
  passAt1WithoutInfra,
  strict,
  validation,
}: RunSummary): readonly { readonly name: string; readonly rate: Rate }[] {
  return [
    { name: 'all chosen instances', rate: passAt1 },
    { name: 'without infrastructure errors', rate: passAt1WithoutInfra },
    ...(strict === null ? [] : [{ name: 'strict verdict, all chosen instances', rate: strict.passAt1 }]),
    ...(validation === null ? [] : [{ name: 'gold-valid instances alone', rate: validation.passAt1 }]),
  ];
}

/** Words of a validation class. */
const CLASS_WORDS: Readonly<Record<ValidationClass, string>> = {
  valid: 'valid',
  flaky: 'flaky',
  gold_fails: 'gold patch fails',
  empty_resolves: 'resolved without a patch',
  infra: 'not judged',
};

/** Words of a validation class, for people. */
export function classWords(entry: ValidationEntry): string {
  return CLASS_WORDS[entry.class];
}

/** How much of a run rests on instances that were validated on this machine, and the way to find out. */
export function goldValid({ validation, instances, datasetArgument }: RunSummary): string {
  if (validation === null)
    return `not validated on this machine: assay validate ${oneLine(datasetArgument)} --epochs 3`;
  const { valid, notValid, notValidated, epochs, since, until } = validation;
  const days = [...new Set([since, until].map((time) => time.slice(0, 10)))].join(' to ');
  const counts = new Map<string, number>();
  for (const entry of notValid) counts.set(classWords(entry), (counts.get(classWords(entry)) ?? 0) + 1);
  if (notValidated.length > 0) counts.set('not validated', notValidated.length);
  const others = [...counts].map(([words, number]) => `; ${number} ${words}`).join('');
  return `gold-valid on this machine: ${valid.length} of ${instances} (validated ${days}, ${count(epochs, 'epoch')})${others}`;
}

/** Why an instance isn't valid, with the first of its tests. */
export function whyNotValid({ reason = '', tests }: ValidationEntry): string {
  const more = tests.length > SHOWN_TESTS ? ` and ${tests.length - SHOWN_TESTS} more` : '';
  const named = tests.length === 0 ? '' : `; tests: ${tests.slice(0, SHOWN_TESTS).join(', ')}${more}`;
  return oneLine(`${reason}${named}`);
}

const SHOWN_TESTS = 3;

/** One line when images have another Python than their recipes ask for; empty otherwise. */
export function pythonDiffers({ otherPythons }: RunSummary): readonly string[] {
  if (otherPythons.length === 0) return [];
  const instances = new Set(otherPythons.flatMap(({ instanceIds }) => instanceIds)).size;
  const pairs = otherPythons.map(
    ({ requested, has, instanceIds }) => `asked ${requested}, has ${has} (${instanceIds.length})`,
  );
  return [
    oneLine(`Python differs from the recipe's for ${count(instances, 'instance')}: ${pairs.join('; ')}`),
  ];
}

/** One line when a run was made of what others published; empty otherwise. */
export function importedFrom({ engine, reasons, attempts }: RunSummary): readonly string[] {
  if (engine !== 'imported') return [];
  const taken = reasons
    .filter(({ reason }) => reason === 'published' || reason === 'published_error')
    .reduce((sum, entry) => sum + entry.attempts, 0);
  const parts = [
    ...(taken === 0 ? [] : [`${count(taken, 'outcome')} taken as published`]),
    ...(taken === attempts.judged ? [] : [`${attempts.judged - taken} graded from what was published`]),
  ];
  return [`imported, not run here: ${parts.join(', ')}`];
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
  const flat = name
    .replaceAll('/', '__')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\\]/g, '_');
  return /^\.*$/.test(flat) ? `_${flat.replaceAll('.', '_')}` : flat;
}
