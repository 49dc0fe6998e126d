import { mean } from '../../src/index.js';
import type { LearnedStep } from './learn.js';
import { finalReward, type Penalty } from './penalty.js';
import type { EpisodeFacts } from './survey.js';

/** The numbers of an iteration that are plotted and watched, rewards with `penalty`; those that there is nothing to compute from are left out. */
export function metricsOf(
  facts: readonly EpisodeFacts[],
  steps: readonly LearnedStep[],
  penalty: Penalty | null,
): Readonly<Record<string, number>> {
  const scored = facts.flatMap(({ outcome, turns }) =>
    outcome === null ? [] : [{ outcome, reward: finalReward(outcome, turns, penalty) }],
  );
  const turns = facts.reduce((sum, one) => sum + one.turns, 0);
  const sum = (name: keyof LearnedStep['sums']) => steps.reduce((total, { sums }) => total + sums[name], 0);
  const tokens = sum('tokens');
  const compared = sum('mismatchTokens');
  const norms = steps.flatMap(({ gradientNorm }) => gradientNorm ?? []);
  const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);
  const ended = (...ends: readonly string[]) => facts.filter(({ end }) => ends.includes(end)).length;
  const all: Readonly<Record<string, number | undefined>> = {
    'rollout/pass_at_1': share(
      scored.reduce((total, { outcome }) => total + outcome, 0),
      scored.length,
    ),
    'rollout/reward': share(
      scored.reduce((total, { reward }) => total + reward, 0),
      scored.length,
    ),
    'rollout/unscorable': share(facts.length - scored.length, facts.length),
    'rollout/turns': share(turns, facts.length),
    'rollout/action_tokens': share(
      facts.reduce((total, { actionTokens }) => total + actionTokens, 0),
      facts.length,
    ),
    'rollout/format_errors': share(
      facts.reduce((total, { formatErrors }) => total + formatErrors, 0),
      turns,
    ),
    'rollout/submitted': share(ended('submitted'), facts.length),
    'rollout/cut_off': share(ended('turn_limit', 'context_limit', 'episode_timeout'), facts.length),
    'rollout/repeated_commands': share(
      facts.reduce((total, { commands }) => total + commands.length - new Set(commands).size, 0),
      turns,
    ),
    'rollout/loops': share(facts.filter(({ hasLoop }) => hasLoop).length, facts.length),
    'train/steps': steps.length,
    'train/tokens': tokens,
    'train/loss': share(sum('loss'), steps.length),
    'train/entropy': share(sum('entropy'), tokens),
    'train/gradient_norm': norms.length === 0 ? undefined : mean(norms),
    'train/clipped_low': share(sum('clippedLow'), tokens),
    'train/clipped_high': share(sum('clippedHigh'), tokens),
    'train/clipped_dual': share(sum('clippedDual'), tokens),
    'train/tis_capped': share(sum('tisCapped'), compared),
    'train/non_finite': share(sum('nonFinite'), tokens + sum('nonFinite')),
    'train/kl_old': share(sum('klOld'), tokens),
    'train/mismatch_kl': share(sum('mismatchKl'), compared),
    'train/mismatch_abs': share(sum('mismatchAbs'), compared),
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
