/** At most `count` pulls in any `seconds`. */
export interface PullRate {
  readonly count: number;
  readonly seconds: number;
}

/** Of the times of pulls, in milliseconds since the epoch, those that count at `now`. */
export function recentPulls(times: readonly number[], { seconds }: PullRate, now: number): readonly number[] {
  // A time of the future is of a clock that was wrong.
  return times.filter((time) => time > now - seconds * 1000 && time <= now).sort((a, b) => a - b);
}

/** When the next pull may start, in milliseconds since the epoch: `now`, or when enough of the earlier ones are out of the window. */
export function nextPullAt(times: readonly number[], rate: PullRate, now: number): number {
  const recent = recentPulls(times, rate, now);
  const oldest = recent[recent.length - rate.count];
  return oldest === undefined ? now : oldest + rate.seconds * 1000;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds that the words of a registry ask to wait, e.g. `retry-after: 1.5s`; a bare number is seconds. */
export function retryAfterMs(words: string): number | undefined {
  const match = /retry-after:?\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)?\b/i.exec(words);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2]?.toLowerCase() ?? 's'] ?? 1000);
}

/** True for a name on Docker Hub, which limits pulls without a login. */
export function isOnDockerHub(ref: string): boolean {
  const [first = '', ...rest] = ref.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return !isHost || first === 'docker.io' || first === 'index.docker.io';
}
