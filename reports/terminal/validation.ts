import type { Validation, ValidationClass } from '../../src/index.js';
import { count, oneLine, whyNotValid } from '../format.js';

const CLASSES: readonly ValidationClass[] = ['valid', 'flaky', 'gold_fails', 'empty_resolves', 'infra'];

/** The result of a validation for a terminal: counts by class, then each instance that isn't valid with its reason. */
export function renderValidation({ dataset, entries }: Validation): string {
  const of = (name: ValidationClass) => entries.filter((entry) => entry.class === name);
  const width = Math.max(...CLASSES.map((name) => name.length));
  const lines = CLASSES.map((name) => `${name.padEnd(width)}  ${String(of(name).length).padStart(5)}`);
  const unsound = CLASSES.filter((name) => name !== 'valid').flatMap(of);
  return [
    `gold patches and untouched trees of ${count(entries.length, 'instance')} of ${oneLine(dataset)}`,
    '',
    ...lines,
    ...(unsound.length > 0 ? [''] : []),
    ...unsound.map((entry) =>
      `${entry.class.padEnd(width)}  ${entry.instanceId}  ${whyNotValid(entry)}`.trimEnd(),
    ),
  ].join('\n');
}
