import { visible } from './strange.js';

/** Text of a stranger in its lines: what can't be seen is shown, line ends and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(/[^\n\t]+/g, visible);
}
