import type { Rate } from '../../../../src/index.js';
import './range.css';

/** A rate and its interval on a line from 0 to 100 %; the numbers stand beside it. */
export function Range({ rate: { rate, interval } }: { readonly rate: Rate }) {
  const at = (fraction: number) => `${100 * fraction}%`;
  return (
    <svg class="range" width="100%" height="1em" aria-hidden="true">
      <line class="scale" x1="0" x2="100%" y1="50%" y2="50%" />
      {interval !== null && (
        <rect x={at(interval.low)} width={at(interval.high - interval.low)} y="25%" height="50%" rx="2" />
      )}
      {rate !== null && <line class="rate" x1={at(rate)} x2={at(rate)} y1="5%" y2="95%" />}
    </svg>
  );
}
