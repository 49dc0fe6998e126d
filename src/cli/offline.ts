import type { Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { checkImage, mirrorHolds } from '../image/check.js';
import type { Job } from '../run-instance.js';
import { mapLimit } from '../util/pool.js';
import { listed } from '../util/words.js';
import type { Host } from './host.js';

interface ImagesHereOptions {
  readonly offline: boolean | undefined;
  readonly engine: Engine;
  readonly host: Host;
  readonly signal: AbortSignal;
}

/** Looks at once. */
const AT_ONCE = 8;

/**
 * With `--offline`, before a run: every image must be in the engine, or what it is built from on this machine. Rejects with
 * `image_missing` that names those that are not. The local engine makes its images of what we ship.
 */
export async function assertImagesHere(
  jobs: readonly Job[],
  { offline, engine, host, signal }: ImagesHereOptions,
): Promise<void> {
  if (offline !== true || engine.name === 'local') return;
  const { cacheDir } = host;
  const specs = [...new Map(jobs.map(({ spec }) => [spec.instanceId, spec])).values()];
  const checks = await mapLimit(specs, AT_ONCE, (spec) =>
    checkImage(spec, {
      engine: engine.images,
      hasCommit: (repo, commit) => mirrorHolds({ cacheDir, repo, commit, signal }),
      signal,
    }),
  );
  const missing = checks.filter(({ state }) => state === 'missing').map(({ instanceId }) => instanceId);
  if (missing.length === 0) return;
  throw new AssayError(
    'image_missing',
    `--offline: ${missing.length} of ${specs.length} images are not in the engine: ${listed(missing)}`,
    {
      detail:
        '`assay images check DATASET` lists them all; `assay images import` brings them from another host.',
    },
  );
}
