import { join } from 'node:path';
import { registryLogin } from '../engine/docker/auth.js';
import type { Engine } from '../engine/engine.js';
import { createPuller, type Puller } from '../image/pull.js';
import { type PullFlags, parseRate } from './flags.js';
import type { Host } from './host.js';

export interface PullerSettings extends Partial<PullFlags> {
  /** `--offline`: no pull. */
  readonly offline?: boolean;
  /** How long one pull may wait for a limit, in milliseconds; default a day. */
  readonly patienceMs: number;
  readonly onLog: (line: string) => void;
}

/** The rate that Docker Hub grants to pulls without a login. */
const HUB_RATE = '100/6h';
const DAY_MS = 24 * 3_600_000;

/** Pulls with pinned digests and, where there is no login, at the rate of the flags. */
export function dockerPuller(engine: Engine, host: Host, settings: Partial<PullerSettings>): Puller {
  const { rate = HUB_RATE, 'update-digests': updateDigests = false, offline, patienceMs = DAY_MS } = settings;
  const { env, home, clock, cacheDir, self: owner } = host;
  const configFolder = env['DOCKER_CONFIG'] ?? join(home, '.docker');
  return createPuller({
    engine: engine.images,
    clock,
    cacheDir,
    owner,
    rate: parseRate(rate),
    hasLogin: (ref) =>
      registryLogin(ref, configFolder).then(
        (login) => login !== undefined,
        () => false, // the engine's pull says that the login is broken
      ),
    updateDigests,
    offline,
    patienceMs,
    onLog: settings.onLog ?? host.err,
  });
}
