import type { EpisodeEnd } from '../../src/index.js';
import { type AdvantageKind, advantagesOf } from './advantage.js';
import type { Group } from './group.js';
import { finalReward, type Penalty } from './penalty.js';

export interface SignalSettings {
  readonly advantage: AdvantageKind;
  /** Added to the standard deviation. */
  readonly delta: number;
  readonly penalty: Penalty | null;
  /** What must differ within a group: R (`outcome`), or R + R_len, which it does in nearly all groups. */
  readonly signalOn: 'outcome' | 'final_reward';
  /** `mask`: episodes cut off by a limit count in their group and are not trained on, as DAPO's overlong filtering. `keep`: arXiv 2508.03501, section 5.2. */
  readonly overlong: 'keep' | 'mask';
}

/** An episode to train on. */
export interface Sample {
  readonly episodeId: string;
  readonly instanceId: string;
  readonly outcome: number;
  readonly reward: number;
  readonly advantage: number;
}

/** What became of the groups and episodes of an iteration. */
export interface SignalCounts {
  readonly groups: number;
  readonly episodes: number;
  readonly unscorable: number;
  readonly solved: number;
  /** Groups with fewer than two scorable episodes. */
  readonly tooSmall: number;
  /** Groups that don't differ in what `signalOn` says, by their outcomes. */
  readonly allSolved: number;
  readonly noneSolved: number;
  /** Groups with a signal in the outcome that the penalty levels out: all rewards are the same. */
  readonly level: number;
  /** With a signal. */
  readonly kept: number;
  /** Episodes of kept groups that are not trained on. */
  readonly masked: number;
  readonly samples: number;
}

export interface Signal {
  /** In the order of the groups and their attempts. */
  readonly samples: readonly Sample[];
  readonly counts: SignalCounts;
}

const OVERLONG: readonly EpisodeEnd[] = ['context_limit', 'turn_limit', 'episode_timeout'];

/**
 * What there is to learn from: unscorable episodes leave their group before any statistic, groups of fewer than two go, and groups without a signal; the
 * others get their advantages.
 */
export function signalOf(groups: readonly Group[], settings: SignalSettings): Signal {
  const samples: Sample[] = [];
  const tally = {
    unscorable: 0,
    solved: 0,
    tooSmall: 0,
    allSolved: 0,
    noneSolved: 0,
    level: 0,
    kept: 0,
    masked: 0,
  };
  for (const { instanceId, attempts } of groups) {
    const scored = attempts.flatMap(({ outcome, ...attempt }) =>
      outcome === null
        ? []
        : [{ ...attempt, outcome, reward: finalReward(outcome, attempt.turns, settings.penalty) }],
    );
    const solved = scored.filter(({ outcome }) => outcome === 1).length;
    tally.unscorable += attempts.length - scored.length;
    tally.solved += solved;
    const advantages = advantagesOf(scored, settings.advantage, settings.delta);
    const differsIn = (name: 'outcome' | 'reward') => differs(scored.map((one) => one[name]));
    if (advantages === undefined) tally.tooSmall++;
    else if (!differsIn('reward') && differsIn('outcome')) tally.level++;
    else if (!differsIn(settings.signalOn === 'outcome' ? 'outcome' : 'reward')) {
      if (solved > 0) tally.allSolved++;
      else tally.noneSolved++;
    } else {
      tally.kept++;
      for (const [index, { episodeId, end, outcome, reward }] of scored.entries()) {
        if (settings.overlong === 'mask' && OVERLONG.includes(end)) tally.masked++;
        else samples.push({ episodeId, instanceId, outcome, reward, advantage: advantages[index] ?? 0 });
      }
    }
  }
  const episodes = groups.reduce((sum, { attempts }) => sum + attempts.length, 0);
  return { samples, counts: { groups: groups.length, episodes, ...tally, samples: samples.length } };
}

const differs = (values: readonly number[]) => values.some((value) => value !== values[0]);
