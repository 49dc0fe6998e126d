import type { EpisodeWorld } from '../../plugins/agent/episode.js';
import type { Conversation, Policy, Sample } from '../../plugins/agent/policy/policy.js';
import type { Clock, Turn } from '../../src/index.js';
import { fakeSession } from './fake-session.js';
import { decoding, episode } from './records.js';
import { scaffoldNamed } from './scaffold-turns.js';

/** A clock that stands still until it is told how much time has passed. */
export interface HandClock extends Clock {
  pass(seconds: number): void;
}

export function handClock(): HandClock {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  return {
    now: () => now,
    iso: () => new Date(Date.UTC(2026, 0, 2) + now).toISOString(),
    after(ms, fire) {
      const timer = { at: now + ms, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(seconds) {
      now += seconds * 1000;
      for (const timer of timers)
        if (timer.at <= now) {
          timers.delete(timer);
          timer.fire();
        }
    },
  };
}

/** An answer whose block holds this command. */
export const says = (command: string): string => `I do it.\n\n\`\`\`command\n${command}\n\`\`\``;
export const SUBMIT = says('submit');

export function sampleOf(text: string, more: Partial<Sample> = {}): Sample {
  const usage = { promptTokens: 100, completionTokens: 10 };
  return { text, finishReason: 'stop', usage, decoding, confirmed: null, ...more };
}

export type Scripted = string | Sample | 'context_limit';

/** A policy that answers by a script: a list, of which each answer has its turn, or a function. */
export function scriptedPolicy(
  script:
    | readonly Scripted[]
    | ((conversation: Conversation, signal: AbortSignal) => Scripted | Promise<Scripted>),
): Policy & { readonly asked: Conversation[] } {
  const asked: Conversation[] = [];
  return {
    mode: 'chat',
    asked,
    async sample(conversation, signal) {
      asked.push({ ...conversation, turns: [...conversation.turns] });
      const answer =
        typeof script === 'function' ? await script(conversation, signal) : script[conversation.turns.length];
      if (answer === undefined) throw new Error(`no answer for turn ${conversation.turns.length + 1}`);
      return typeof answer === 'string' && answer !== 'context_limit' ? sampleOf(answer) : (answer as Sample);
    },
  };
}

/** The world of one episode, all of it in memory, with what was recorded and warned of. */
export function world(more: Partial<EpisodeWorld> & Pick<EpisodeWorld, 'policy'>) {
  const kept: Turn[] = [];
  const drifts: string[] = [];
  const all: EpisodeWorld = {
    scaffold: scaffoldNamed('tools'),
    session: fakeSession(),
    clock: handClock(),
    callModel: (work) => work(),
    record: async (turn) => void kept.push(turn),
    onDrift: ({ index }, observation) => drifts.push(`${index}: ${observation}`),
    signal: new AbortController().signal,
    ...more,
  };
  return { ...all, kept, drifts };
}

/** An episode with other limits. */
export function limited(limits: Partial<ReturnType<typeof episode>['limits']>) {
  const whole = episode();
  return { ...whole, limits: { ...whole.limits, ...limits } };
}
