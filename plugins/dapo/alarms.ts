/** What is watched of an iteration: as in its line of the journal. */
export interface Watched {
  /** By the names of `metricsOf`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** By the names of `SignalCounts`. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface Alarm {
  readonly name: string;
  readonly value: number;
  /** That the value went over, or under. */
  readonly limit: number;
  /** What it is, what it means, and what to do; one sentence each. */
  readonly words: string;
}

export interface AlarmRule {
  readonly name: string;
  readonly limit: number;
  /** The alarm is for values on this side of the limit. */
  readonly side: 'over' | 'under';
  /** Undefined: there is nothing to tell it from. `before`: the iterations until then, from the first. */
  readonly value: (now: Watched, before: readonly Watched[]) => number | undefined;
  readonly what: string;
  readonly means: string;
  readonly todo: string;
}

/** Iterations that others are compared with: the first ones, and the last ones. */
const FIRST = 3;
const LAST = 20;

const metric = (name: string) => (now: Watched) => now.metrics[name];

const ratioTo =
  (name: string, pick: (values: readonly number[]) => readonly number[]) =>
  (now: Watched, before: readonly Watched[]): number | undefined => {
    const value = now.metrics[name];
    const known = before.flatMap(({ metrics }) => metrics[name] ?? []);
    const base = known.length < FIRST ? undefined : median(pick(known));
    return value === undefined || base === undefined || base === 0 ? undefined : value / base;
  };
const toFirst = (name: string) => ratioTo(name, (values) => values.slice(0, FIRST));
const toLast = (name: string) => ratioTo(name, (values) => values.slice(-LAST));

const rule = (
  name: string,
  side: AlarmRule['side'],
  limit: number,
  value: AlarmRule['value'],
  [what, means, todo]: readonly [what: string, means: string, todo: string],
): AlarmRule => ({ name, side, limit, value, what, means, todo });

/** No paper gives limits for these: all are ours, wide enough that the runs of arXiv 2508.03501 as described would meet none. */
export const ALARMS: readonly AlarmRule[] = [
  rule('entropy_collapse', 'under', 0.3, toFirst('train/entropy'), [
    'Entropy per token, of that of the first iterations',
    'The policy has settled on few ways, and groups will stop to differ.',
    'Raise algorithm.clipHigh, lower the learning rate, or go back to an earlier checkpoint.',
  ]),
  rule('entropy_explosion', 'over', 3, toFirst('train/entropy'), [
    'Entropy per token, of that of the first iterations',
    'The policy loses its language.',
    'Lower algorithm.clipHigh or the learning rate; see whether the rollouts still read well.',
  ]),
  rule('clipped_low', 'over', 0.1, metric('train/clipped_low'), [
    'Share of tokens whose ratio was clipped from below',
    'Bad episodes are pushed away faster than the clip allows.',
    'Lower the learning rate, or take fewer steps of an iteration (a larger batch).',
  ]),
  rule('clipped_high', 'over', 0.1, metric('train/clipped_high'), [
    'Share of tokens whose ratio was clipped from above',
    'Good episodes are reinforced faster than the clip allows.',
    'Lower the learning rate, or take fewer steps of an iteration (a larger batch).',
  ]),
  rule('clipped_dual', 'over', 0.05, metric('train/clipped_dual'), [
    'Share of tokens that the dual clip bounded',
    'Many tokens of bad episodes became much more probable: the steps go astray.',
    'Lower the learning rate.',
  ]),
  rule('kl_old', 'over', 0.1, metric('train/kl_old'), [
    'KL of the weights at the beginning of the iteration to those trained, in nats per token',
    'The iteration has left the policy that its episodes are from.',
    'Lower the learning rate, or take fewer steps of an iteration.',
  ]),
  rule('gradient_norm', 'over', 10, toLast('train/gradient_norm'), [
    'Norm of the gradient, of its median in the last iterations',
    'A few episodes rule the step, or the weights are about to diverge.',
    'Look at the episodes with the largest advantages; lower the learning rate if it comes again.',
  ]),
  rule('mismatch_abs', 'over', 0.05, metric('train/mismatch_abs'), [
    'Mean |log p of the trainer - log p of the policy server|, in nats per token',
    'The server samples from another distribution than the trainer computes: every ratio is wrong (arXiv 2508.03501, section 5.2).',
    'Compare sampling settings, weight versions and dtypes of both; set algorithm.tisCap if it can not be mended.',
  ]),
  rule('mismatch_kl', 'over', 0.01, metric('train/mismatch_kl'), [
    'KL of the policy server to the trainer, in nats per token',
    'The server samples from another distribution than the trainer computes: every ratio is wrong (arXiv 2508.03501, section 5.2).',
    'Compare sampling settings, weight versions and dtypes of both; set algorithm.tisCap if it can not be mended.',
  ]),
  rule('tis_capped', 'over', 0.05, metric('train/tis_capped'), [
    'Share of tokens whose importance weight met its cap',
    'The correction hides a mismatch that is too large for it.',
    'Find where trainer and server differ.',
  ]),
  rule('non_finite', 'over', 0, metric('train/non_finite'), [
    'Share of tokens left out as a log-probability with them was not finite',
    'The server or the trainer overflows.',
    'Find the episodes; a server in half precision may need another dtype.',
  ]),
  rule('unscorable', 'over', 0.1, metric('rollout/unscorable'), [
    "Share of episodes that have no score for the machine's fault",
    'Rollouts are lost, and if those are of one kind, what is learnt is biased.',
    'See the errors of the iteration: sandboxes, policy server, grading.',
  ]),
  rule('zero_signal', 'over', 0.9, zeroSignal, [
    'Share of groups without a signal, as all or none of their episodes were solved',
    'Most rollouts teach nothing: the problems are too hard or too easy.',
    'Choose other problems (algorithm.solvedAt with the history so far), a larger group, or more problems.',
  ]),
  rule('no_step', 'under', 1, metric('train/steps'), [
    'Optimiser steps of the iteration',
    'No group had a signal: the weights are as they were.',
    'Choose easier problems, a larger group, or more problems.',
  ]),
  rule('turns', 'over', 1.5, toFirst('rollout/turns'), [
    'Turns per episode, of those of the first iterations',
    'Episodes grow: more work, or more wandering.',
    'Read some; see loops and cut_off, and whether the penalty is on.',
  ]),
  rule('loops', 'over', 0.2, metric('rollout/loops'), [
    'Share of episodes that repeat the same actions with the same answers',
    'The policy goes round in circles.',
    'Keep overlong episodes in the loss (algorithm.overlong keep) and the penalty on (arXiv 2508.03501, section 5.2).',
  ]),
  rule('format_errors', 'over', 0.1, metric('rollout/format_errors'), [
    'Share of turns from which no command could be taken',
    'The policy is losing, or has not learnt, the format.',
    'Fine-tune first (assay train rft), or lower the learning rate.',
  ]),
  rule('cut_off', 'over', 0.5, metric('rollout/cut_off'), [
    'Share of episodes that a limit of turns, tokens or time ended',
    'The limits, not the model, decide most rewards.',
    'Raise episode.turns, contextTokens or episodeSeconds, or see whether the policy loops.',
  ]),
];

/** Groups too small to compare anything are no groups here. */
function zeroSignal({ counts }: Watched): number | undefined {
  const { groups = 0, tooSmall = 0, kept = 0 } = counts;
  return groups === tooSmall ? undefined : 1 - kept / (groups - tooSmall);
}

/** What is unusual in an iteration, by itself and beside those before it. */
export function alarmsOf(now: Watched, before: readonly Watched[]): readonly Alarm[] {
  return ALARMS.flatMap(({ name, side, limit, value: read, what, means, todo }) => {
    const value = read(now, before);
    if (value === undefined || (side === 'over' ? value <= limit : value >= limit)) return [];
    const said = Number(value.toPrecision(3));
    return [{ name, value, limit, words: `${what}: ${said}, ${side} ${limit}. ${means} ${todo}` }];
  });
}

/** The middle value, or the mean of both; NaN of nothing. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}
