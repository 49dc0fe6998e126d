import type { EpisodeResult, Verdict } from '../../src/index.js';

/** 1: resolved, 0: not, null: unscorable, as the machine failed and not the model. */
export type Score = 0 | 1 | null;

/** Ends that are never the model's fault, and the end of an episode that was not let go on. */
const NO_SCORE: readonly EpisodeResult['end'][] = ['policy_error', 'sandbox_error', 'stopped_early'];

/**
 * The reward R of an episode. By the strict verdict, an official `resolved` whose strict verdict is not known is unscorable. An episode that left nothing
 * to grade by its own doing has 0; without a verdict on its patch it is unscorable.
 */
export function outcomeOf(
  { end, patch }: Pick<EpisodeResult, 'end' | 'patch'>,
  verdict: Pick<Verdict, 'outcome' | 'strict'> | undefined,
  by: 'strict' | 'official' = 'strict',
): Score {
  if (NO_SCORE.includes(end)) return null;
  if (verdict === undefined) return patch === null ? 0 : null;
  if (verdict.outcome === 'infra_error') return null;
  if (verdict.outcome !== 'resolved') return 0;
  if (by === 'official') return 1;
  if (verdict.strict === undefined) return null;
  return verdict.strict.resolved ? 1 : 0;
}
