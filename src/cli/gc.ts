import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { takeLock } from '../util/lock.js';
import { showBytes } from '../util/words.js';
import { connectEngine, isOrphan } from './engines.js';
import { EXIT, usage } from './exit.js';
import { halfMade, type Left, unused } from './gc-files.js';
import type { Host } from './host.js';
import { interruptFor } from './images-shared.js';

interface GcArgs {
  readonly containers: boolean;
  readonly cache: boolean;
  readonly engine?: 'docker' | 'local';
  readonly yes: boolean;
  readonly 'dry-run': boolean;
  readonly json: boolean;
}

/** A container whose process lives no more. */
interface Orphan {
  readonly run: string;
  readonly pid: number;
}

/** `assay gc`: removes what crashed processes of this machine left in the engines and in the cache. */
export async function collectGarbage(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as GcArgs;
  const { containers, cache, 'dry-run': dryRun, json } = args;
  if (cache && !args.yes && !dryRun)
    throw usage('gc --cache: cache entries are removed with --yes; --dry-run says what would go');
  const { orphans, removed, files } = await lookThrough(args, host);
  if (!dryRun) for (const left of files) await removeLeft(left, host);
  const freedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (json) {
    host.out(JSON.stringify({ dryRun, removed, orphans, files, freedBytes }));
    return EXIT.done;
  }
  if (dryRun) for (const { run, pid } of orphans) host.out(`container of ${run}, process ${pid}`);
  for (const { path, bytes, why } of files) host.out(`${why}  ${path}  ${showBytes(bytes)}`);
  const parts = [
    ...(cache && !containers ? [] : [`${orphans.length} containers`]),
    ...(containers && !cache
      ? []
      : [`${files.length} files and folders of the cache, ${showBytes(freedBytes)}`]),
  ];
  host.out(`${dryRun ? 'would remove' : 'removed'} ${parts.join('; ')}`);
  return EXIT.done;
}

interface Found {
  readonly orphans: readonly Orphan[];
  /** Ids of the containers that are removed. */
  readonly removed: readonly string[];
  readonly files: readonly Left[];
}

/** Both parts, unless one is asked for. */
async function lookThrough(args: GcArgs, host: Host): Promise<Found> {
  const { containers, cache, 'dry-run': dryRun } = args;
  const orphans: Orphan[] = [];
  const removed: string[] = [];
  const files: Left[] = [];
  const interrupt = interruptFor(host);
  try {
    if (containers || !cache)
      for (const name of enginesOf(args, host))
        await withEngine(name, args, host, async (engine) => {
          removed.push(...(await reap(engine, orphans, dryRun)));
        });
    if (cache || !containers) files.push(...(await halfMade(host.cacheDir)));
    if (cache)
      await withEngine('docker', args, host, async ({ images }) => {
        files.push(...(await unused(host.cacheDir, { images, signal: interrupt.drain })));
      });
    return { orphans, removed, files };
  } finally {
    interrupt.release();
  }
}

/** The local engine is looked at where it has ever been used. */
function enginesOf({ engine }: GcArgs, { cacheDir }: Host): readonly ('docker' | 'local')[] {
  if (engine !== undefined) return [engine];
  return existsSync(join(cacheDir, 'local', 'workspaces')) ? ['docker', 'local'] : ['docker'];
}

/** Goes on without a Docker engine where none was named. */
async function withEngine(
  name: 'docker' | 'local',
  args: GcArgs,
  host: Host,
  use: (engine: Engine) => Promise<void>,
): Promise<void> {
  const { engine } = await connectEngine(name, host);
  try {
    if (name === 'docker') await engine.info();
    await use(engine);
  } catch (error) {
    const isNamed = args.engine !== undefined || host.env['DOCKER_HOST'] !== undefined;
    if (isNamed || !(error instanceof AssayError && error.code === 'engine_unavailable')) throw error;
    host.err('no Docker engine answers: what it holds is left out');
  } finally {
    await engine.close();
  }
}

/** Removes containers of processes that live no more, and adds them to `orphans`; in a dry run only that. */
function reap({ containers }: Engine, orphans: Orphan[], dryRun: boolean): Promise<readonly string[]> {
  return containers.reap({ 'assay.host': hostname() }, (labels) => {
    if (!isOrphan(labels)) return false;
    const { 'assay.run': run, 'assay.pid': pid } = labels;
    if (run !== undefined) orphans.push({ run, pid: Number(pid) });
    return !dryRun;
  });
}

/** A folder that a lock is for may have been taken up again since it was looked at: then it stays. */
async function removeLeft({ path, lock }: Left, { cacheDir, self }: Host): Promise<void> {
  const remove = () => rm(join(cacheDir, path), { recursive: true, force: true });
  if (lock === undefined) return remove();
  const release = await takeLock(join(cacheDir, lock), self).catch((error: unknown) => {
    if (error instanceof AssayError && error.code === 'run_locked') return undefined;
    throw error;
  });
  if (release !== undefined) await remove().finally(release);
}
