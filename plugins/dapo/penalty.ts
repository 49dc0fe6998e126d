import { turnPenalty } from '../../src/index.js';

/** L_thr and T_max of arXiv 2508.03501, in turns. */
export interface Penalty {
  readonly threshold: number;
  readonly maxTurns: number;
}

/** R_final = R + R_len (arXiv 2508.03501, section 4.3): in [-1, 1], as R_len goes from 0 to -1. Null: no penalty. */
export function finalReward(outcome: number, turns: number, penalty: Penalty | null): number {
  return penalty === null ? outcome : outcome + turnPenalty(turns, penalty.threshold, penalty.maxTurns);
}
