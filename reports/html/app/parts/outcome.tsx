import type { AttemptRow } from '../../model.js';
import './outcome.css';

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

/** Sign and word of a fate. */
export function Outcome({ of }: { readonly of: Fate }) {
  return (
    <span class={`outcome ${of}`}>
      <span class="sign" aria-hidden="true">
        {FATES[of].sign}
      </span>
      {FATES[of].words}
    </span>
  );
}
