import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { BuildContext } from '../image/build-context.js';
import { mirrorOf } from '../image/mirror.js';
import { ensureBase } from '../image/resolve.js';
import { orphanLabels } from './engines.js';
import { usage } from './exit.js';
import type { Host } from './host.js';

/** Flags of every command that may build images, as yargs gives them. */
export type BuildFlags = Readonly<
  Partial<{
    base: string[];
    mirror: string[];
    'ca-file': string;
    locks: string;
    'update-locks': boolean;
    offline: boolean;
  }>
>;

const DEFAULT_BASE = 'assay-base:latest';

/** What builds need, from flags; logs go to `onLog`. */
export async function buildContext(
  flags: BuildFlags,
  host: Host,
  { engine, signal, onLog }: { engine: Engine; signal: AbortSignal; onLog: (line: string) => void },
): Promise<BuildContext> {
  const { cacheDir, self: owner } = host;
  const given = new Map((flags.mirror ?? []).map((entry) => mirrorFlag(entry, host)));
  const bases = flags.base ?? [DEFAULT_BASE];
  const caFile = flags['ca-file'];
  const { images } = engine;
  const offline = flags.offline === true;
  return {
    images,
    containers: offline ? withoutNetwork(engine.containers) : engine.containers,
    labels: orphanLabels('build', host),
    base: (python, bound) => ensureBase({ bases, python, engine: images, signal: bound }),
    mirror: (repo, commit, bound) =>
      mirrorOf({ repo, commit, given, cacheDir, offline, owner, signal: bound, onLog }),
    cacheDir,
    locksDir: flags.locks === undefined ? join(cacheDir, 'locks') : resolve(host.cwd, flags.locks),
    updateLocks: flags['update-locks'] === true,
    renewed: new Set(),
    certificates: caFile === undefined ? undefined : await readFile(resolve(host.cwd, caFile), 'utf8'),
    owner,
    signal,
    onLog,
  };
}

/** Refuses steps of builds that fetch something. */
function withoutNetwork(containers: Engine['containers']): Engine['containers'] {
  return {
    ...containers,
    async start(spec, signal) {
      if (!spec.limits.network) return containers.start(spec, signal);
      throw new AssayError(
        'image_missing',
        `${spec.name}: this step of the build fetches packages, and --offline fetches nothing`,
      );
    },
  };
}

function mirrorFlag(entry: string, host: Host): readonly [string, string] {
  const at = entry.indexOf('=');
  const repo = entry.slice(0, at);
  if (at < 0 || !repo.includes('/')) throw usage(`--mirror ${entry}: expected OWNER/NAME=PATH`);
  const source = entry.slice(at + 1);
  return [repo, source.includes('://') ? source : resolve(host.cwd, source)];
}
