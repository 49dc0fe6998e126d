import type { Turn } from '../../src/index.js';

/** Longest sequence of actions that is looked for, and how often it must come in a row. */
const LONGEST = 4;
const REPEATS = 3;

/**
 * Whether an episode goes round in circles: one to {@link LONGEST} actions, with the same answers, {@link REPEATS} times in a row. Numbers in answers may differ, as times and
 * addresses do. Reading on in a file, or testing again after an edit, is no loop: the answers differ.
 */
export function hasLoop(turns: readonly Pick<Turn, 'command' | 'response' | 'observation'>[]): boolean {
  const keys = turns.map(
    ({ command, response, observation }) =>
      `${(command ?? response).trim()}\u0000${observation.replaceAll(/\d+(?:\.\d+)*/g, '0')}`,
  );
  for (let period = 1; period <= LONGEST; period++) {
    let same = 0;
    for (let at = period; at < keys.length; at++) {
      same = keys[at] === keys[at - period] ? same + 1 : 0;
      if (same >= period * (REPEATS - 1)) return true;
    }
  }
  return false;
}
