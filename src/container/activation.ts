import type { EvalSpec } from '../model/eval-spec.js';

/** The lines of the eval script that make its environment the active one. */
export function activationOf({ evalScript }: Pick<EvalSpec, 'evalScript'>): string {
  const lines = evalScript
    .split('\n')
    .filter((line) => /^((source|\.) \S+\/activate|conda activate \S+)\b/.test(line));
  return [...new Set(lines)].join('\n');
}
