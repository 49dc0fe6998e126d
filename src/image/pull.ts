import type { ImageEngine, ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { type Clock, pause } from '../util/clock.js';
import { isOnDockerHub, nextPullAt, type PullRate, recentPulls, retryAfterMs } from './pull-rate.js';
import { imageDigests, pullTimes, type StateOptions } from './usage-state.js';

export interface PullerOptions extends StateOptions {
  readonly engine: ImageEngine;
  readonly clock: Clock;
  /** Bound on pulls from Docker Hub without a login. */
  readonly rate: PullRate | undefined;
  /** True when there is a login for the registry of an image. */
  readonly hasLogin: (ref: string) => Promise<boolean>;
  /** Takes what a name stands for now, and records that. */
  readonly updateDigests: boolean;
  /** Asks no registry: an image that is not there is `image_missing`. */
  readonly offline?: boolean;
  /** How long one pull may wait for a limit to pass, in milliseconds. */
  readonly patienceMs: number;
  readonly onLog: (line: string) => void;
}

/** Gets published images, each name with the digest that it had the first time. */
export interface Puller {
  /**
   * The image, pulled unless it is there. Waits while a limit on pulls is reached. Rejects with `image_missing` when the registry lacks it or
   * another image has its name, `image_pull_limited`, `image_pull_failed`.
   */
  pull(ref: string, signal: AbortSignal): Promise<ImageInfo>;
  /** The image, if it has the recorded digest or none is recorded; else rejects with `image_changed`. */
  check(image: ImageInfo): Promise<ImageInfo>;
}

/** Key of the times of pulls from Docker Hub. */
const HUB = 'docker.io';
const FIRST_LIMIT_MS = 60_000;
const LONGEST_LIMIT_MS = 3_600_000;
const FIRST_FAILURE_MS = 2000;
/** Tries of a pull that fails for other reasons than a limit. */
const TRIES = 3;

/** How long to wait before a pull is tried again after its `tries`-th failure, in milliseconds; undefined when that is of no use. */
export function pauseAfter(error: AssayError, tries: number): number | undefined {
  if (error.code === 'image_pull_limited')
    return Math.min(retryAfterMs(error.message) ?? FIRST_LIMIT_MS * 2 ** (tries - 1), LONGEST_LIMIT_MS);
  return error.code === 'image_pull_failed' && tries < TRIES
    ? FIRST_FAILURE_MS * 2 ** (tries - 1)
    : undefined;
}

/** A puller; it keeps digests and times of pulls in the cache, for all processes. */
export function createPuller(options: PullerOptions): Puller {
  const { engine, clock, rate, hasLogin, updateDigests, offline = false, patienceMs, onLog } = options;
  const digests = imageDigests(options);
  const times = pullTimes(options);
  // Two attempts of one instance wait for one pull.
  const turns = new Map<string, Promise<unknown>>();
  const now = () => Date.parse(clock.iso());

  async function waitForRate(ref: string, signal: AbortSignal): Promise<void> {
    if (rate === undefined || !isOnDockerHub(ref) || (await hasLogin(ref))) return;
    const { count, seconds } = rate;
    const deadline = now() + patienceMs;
    for (;;) {
      const at = await times.update(signal, (entries) => {
        const made = recentPulls(entries.get(HUB) ?? [], rate, now());
        const next = nextPullAt(made, rate, now());
        entries.set(HUB, next > now() ? made : [...made, now()]);
        return next > now() ? next : undefined;
      });
      if (at === undefined) return;
      const until = new Date(at).toISOString();
      const why = `${count} images were pulled from Docker Hub without a login in ${seconds / 3600} h`;
      if (at > deadline)
        throw new AssayError('image_pull_limited', `${ref}: ${why}; the next one may be at ${until}`);
      onLog(`${ref}: waiting until ${until}: ${why} (\`docker login\` lifts the limit)`);
      await pause(at - now(), clock, signal);
    }
  }

  async function pullPatiently(ref: string, signal: AbortSignal): Promise<ImageInfo> {
    let waited = 0;
    for (let tries = 1; ; tries++) {
      try {
        return await engine.pull(ref, { signal });
      } catch (error) {
        const ms = error instanceof AssayError ? pauseAfter(error, tries) : undefined;
        if (ms === undefined || waited + ms > patienceMs) throw error;
        waited += ms;
        onLog(`${(error as AssayError).message}; again in ${Math.ceil(ms / 1000)} s`);
        await pause(ms, clock, signal);
      }
    }
  }

  async function pullPinned(ref: string, signal: AbortSignal): Promise<ImageInfo> {
    const found = await engine.inspect(ref, signal);
    if (found !== undefined && (!updateDigests || offline)) return check(found);
    if (offline)
      throw new AssayError('image_missing', `${ref} is not in the engine, and --offline pulls nothing`);
    const pinned = (await digests.read()).get(ref);
    await waitForRate(ref, signal);
    if (pinned === undefined || updateDigests) {
      const image = await pullPatiently(ref, signal);
      if (pinned !== undefined && pinned !== image.digest)
        onLog(`${ref}: the digest was ${pinned}, and is ${image.digest} from now on`);
      await digests.update(signal, (entries) => void entries.set(ref, image.digest));
      return image;
    }
    const exact = `${withoutTag(ref)}@${pinned}`;
    try {
      await pullPatiently(exact, signal);
    } catch (error) {
      if (!(error instanceof AssayError && error.code === 'image_missing')) throw error;
      throw changed(ref, `the registry no longer has ${pinned}`, error);
    }
    await engine.tag(exact, ref);
    return { ...((await engine.inspect(ref, signal)) as ImageInfo), digest: pinned };
  }

  async function check(image: ImageInfo): Promise<ImageInfo> {
    const pinned = (await digests.read()).get(image.ref);
    if (pinned === undefined || pinned === image.digest) return image;
    throw changed(image.ref, `the image that is here has ${image.digest}`);
  }

  return {
    check,
    pull(ref, signal) {
      const work = () => pullPinned(ref, signal);
      const turn = (turns.get(ref) ?? Promise.resolve()).then(work, work);
      turns.set(ref, turn);
      return turn;
    },
  };
}

function changed(ref: string, what: string, cause?: unknown): AssayError {
  return new AssayError(
    'image_changed',
    `${ref}: its digest is not the one that was recorded when it was pulled first: ${what}`,
    { cause },
  );
}

function withoutTag(ref: string): string {
  const colon = ref.lastIndexOf(':');
  return colon > ref.lastIndexOf('/') ? ref.slice(0, colon) : ref;
}
