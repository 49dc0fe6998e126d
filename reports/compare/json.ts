import { type Comparison, harmless } from '../../src/index.js';

/** A comparison in full, as JSON. */
export function comparisonJson(comparison: Comparison): string {
  return `${harmless(JSON.stringify(comparison, null, 2))}\n`;
}
