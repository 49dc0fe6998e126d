import { FATES, type Fate } from '../../fates.js';
import './outcome.css';

export { FATES, type Fate };

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
