import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ImageEngine } from '../engine/engine.js';
import { BYTE_CODE_FOLDER, byteCodeFile } from '../image/warm.js';
import { diskUsage } from '../util/disk.js';
import { lockHolder } from '../util/lock.js';
import { mapLimit } from '../util/pool.js';
import { identifyProcess, isAlive } from '../util/process.js';

/** A file or folder of the cache that may go. */
export interface Left {
  /** Below the cache. */
  readonly path: string;
  readonly bytes: number;
  readonly why: 'half-made' | 'unused';
  /** The lock, below the cache, of who would go on with it. */
  readonly lock?: string;
}

/** Folders of the cache whose content is not ours to judge file by file: clones, trees of images, workspaces of containers. */
const WHOLE = new Set(['mirrors', 'work', join('local', 'images'), join('local', 'workspaces')]);

/** What processes that live no more had begun to make in the cache. */
export async function halfMade(cacheDir: string): Promise<readonly Left[]> {
  const files = (await temporaryFiles(cacheDir, cacheDir)).map((path) => ({ path }));
  return sized(cacheDir, [...files, ...(await unfinished(cacheDir))], 'half-made');
}

/** What the cache keeps for environments that no image of the engine has, and logs of builds that are over. */
export async function unused(
  cacheDir: string,
  { images, signal }: { readonly images: ImageEngine; readonly signal: AbortSignal },
): Promise<readonly Left[]> {
  const byteCode = await names(join(cacheDir, BYTE_CODE_FOLDER));
  const used = byteCode.length === 0 ? new Set<string>() : await usedByteCode(images, signal);
  const logs = await names(join(cacheDir, 'build-logs'));
  const idle = await mapLimit(logs, AT_ONCE, async (name) =>
    (await lockHolder(join(cacheDir, buildLock(name.replace(/\.log$/, ''))))) === undefined
      ? [{ path: join('build-logs', name) }]
      : [],
  );
  const stale = byteCode.filter((name) => name.endsWith('.tar') && !used.has(name));
  const byteCodes = stale.map((name) => ({ path: join(BYTE_CODE_FOLDER, name) }));
  return sized(cacheDir, [...byteCodes, ...idle.flat()], 'unused');
}

const AT_ONCE = 8;

async function usedByteCode(images: ImageEngine, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const ids = [...new Set((await images.list({})).map(({ id }) => id))];
  const found = await mapLimit(ids, AT_ONCE, (id) => images.inspect(id, signal));
  return new Set(found.flatMap((image) => image?.layers ?? []).map(byteCodeFile));
}

/** Files whose names say which process was writing them: `NAME.PID.HEX.tmp` of atomic writes, byte code, half-made images and records. */
async function temporaryFiles(cacheDir: string, folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      const pid = TEMPORARY.exec(entry.name)
        ?.slice(1)
        .find((part) => part !== undefined);
      if (pid !== undefined) return isGone(pid) ? [relative(cacheDir, path)] : [];
      const isOurs = entry.isDirectory() && !WHOLE.has(relative(cacheDir, folder));
      return isOurs ? temporaryFiles(cacheDir, path) : [];
    }),
  );
  return found.flat();
}

const TEMPORARY = /\.(\d+)\.[0-9a-f]{8}\.tmp$|\.tar\.(\d+)$|^\.tmp-(\d+)-/;

/** Folders of builds, clones and workers that are not under way any more. */
async function unfinished(cacheDir: string): Promise<Unsized[]> {
  const found: Unsized[] = [];
  const addUnlessHeld = async (path: string, lock: string) => {
    if ((await lockHolder(join(cacheDir, lock))) === undefined) found.push({ path, lock });
  };
  for (const name of await names(join(cacheDir, 'work'))) {
    const path = join('work', name);
    const pid = /^(\d+)-/.exec(name)?.[1];
    if (pid === undefined) await addUnlessHeld(path, buildLock(name));
    else if (isGone(pid)) found.push({ path });
  }
  for (const name of await names(join(cacheDir, 'mirrors')))
    if (name.endsWith('.git.new'))
      await addUnlessHeld(join('mirrors', name), join('mirrors', name.replace(/\.new$/, '.lock')));
  for (const name of await names(join(cacheDir, 'worker'))) {
    const [pid, started = ''] = name.split('.');
    if (!isAlive({ pid: Number(pid), started })) found.push({ path: join('worker', name) });
  }
  return found;
}

type Unsized = Pick<Left, 'path' | 'lock'>;

function buildLock(name: string): string {
  return join('build-locks', name);
}

function isGone(pid: string): boolean {
  return identifyProcess(Number(pid)) === undefined;
}

async function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function sized(
  cacheDir: string,
  found: readonly Unsized[],
  why: Left['why'],
): Promise<readonly Left[]> {
  const left = await mapLimit(found, AT_ONCE, async (one) => ({
    ...one,
    bytes: await diskUsage(join(cacheDir, one.path)),
    why,
  }));
  return [...left].sort((a, b) => (a.path < b.path ? -1 : 1));
}
