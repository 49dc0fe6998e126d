import type { AttemptRow } from './model.js';

/** What became of an attempt. */
export type Fate = AttemptRow['outcome'];

/** Signs and words tell fates apart without colour. The order is the one in which they are listed. */
export const FATES: Readonly<Record<Fate, { readonly sign: string; readonly words: string }>> = {
  resolved: { sign: '✓', words: 'resolved' },
  unresolved: { sign: '✕', words: 'unresolved' },
  invalid: { sign: '∅', words: 'invalid' },
  infra_error: { sign: '!', words: 'infra error' },
  missing: { sign: '…', words: 'no verdict yet' },
  no_prediction: { sign: '–', words: 'no prediction' },
};
