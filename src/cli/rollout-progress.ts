import { isFault } from '../../plugins/agent/episodes.js';
import type { RolloutEvent } from '../../plugins/agent/rollouts.js';
import type { RunEvent } from '../model/run.js';
import type { Host } from './host.js';
import type { EvalArgs } from './run-flags.js';

/** What a person sees of rollouts while they run, on stderr: a line every 30 s, and one at the end. */
export interface RolloutProgress {
  onEvent(event: RolloutEvent): void;
  onRunEvent(event: RunEvent): void;
  warn(text: string): void;
  stop(): void;
}

const EVERY_MS = 30_000;

export function rolloutProgress(
  args: Pick<EvalArgs, 'quiet' | 'progress'>,
  /** Undefined: nobody knows yet. */
  total: number | undefined,
  host: Host,
): RolloutProgress {
  const isQuiet = args.quiet === true || args.progress === 'none';
  const ends = new Map<string, number>();
  const running = new Set<string>();
  let turns = 0;
  let tokens = 0;
  let cost = 0;
  let faults = 0;
  const verdicts = { graded: 0, resolved: 0 };
  const line = () => {
    const done = [...ends.values()].reduce((sum, count) => sum + count, 0);
    const how = [...ends].sort().map(([end, count]) => `${end} ${count}`);
    return [
      `${done}${total === undefined ? '' : `/${total}`} episodes${how.length === 0 ? '' : ` (${how.join(', ')})`}, ${running.size} running`,
      `${turns} turns, ${tokens} sampled tokens${cost === 0 ? '' : `, ${cost.toFixed(2)} USD`}`,
      ...(verdicts.graded === 0 ? [] : [`${verdicts.resolved} of ${verdicts.graded} graded resolved`]),
      ...(faults === 0 ? [] : [`${faults} failed for the machine's fault`]),
    ].join('; ');
  };
  let cancel = () => {};
  const tick = () => {
    host.err(line());
    cancel = host.clock.after(EVERY_MS, tick);
  };
  if (!isQuiet) cancel = host.clock.after(EVERY_MS, tick);
  return {
    onEvent(event) {
      if (event.type === 'episode_start') running.add(event.episodeId);
      if (event.type === 'turn') {
        turns++;
        tokens += event.turn.usage.completionTokens;
        cost += event.turn.usage.cost ?? 0;
      }
      if (event.type === 'episode_end' || event.type === 'episode_known') {
        running.delete(event.episodeId);
        const { end } = event.result;
        ends.set(end, (ends.get(end) ?? 0) + 1);
        if (isFault(event.result)) faults++;
      }
    },
    onRunEvent(event) {
      if (event.type === 'verdict') {
        verdicts.graded++;
        if (event.verdict.outcome === 'resolved') verdicts.resolved++;
      }
      if (event.type === 'run_end' && !isQuiet) host.err(line());
    },
    warn: host.err,
    stop: () => cancel(),
  };
}
