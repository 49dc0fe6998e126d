import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Container, ContainerEngine, ImageEngine, ImageInfo } from '../engine/engine.js';
import { AssayError, toAssayError } from '../errors.js';
import { writeAtomic } from '../util/files.js';
import { withLock } from '../util/lock.js';
import type { ProcessIdentity } from '../util/process.js';
import { type ImageSpec, imageArchive } from './archive.js';
import { type Session, type SessionOptions, withSession } from './session.js';

/** What every build needs from outside. */
export interface BuildContext {
  readonly images: ImageEngine;
  readonly containers: ContainerEngine;
  /** Labels of the containers that builds run in. */
  readonly labels: Readonly<Record<string, string>>;
  /** The local base image for a Python version. */
  readonly base: (python: string | undefined, signal: AbortSignal) => Promise<ImageInfo>;
  /** Path of a git repository that holds the commit. */
  readonly mirror: (repo: string, commit: string, signal: AbortSignal) => Promise<string>;
  /** For build logs, packs, wheels and work files. */
  readonly cacheDir: string;
  /** Where the lock files of environments are. */
  readonly locksDir: string;
  readonly updateLocks: boolean;
  /** Keys of environments whose lock was written by this build: with `updateLocks` each is renewed once. */
  readonly renewed: Set<string>;
  /** PEM text to trust while packages are fetched, beyond a proxy with its own certificate; never in an image. */
  readonly certificates?: string;
  readonly owner: ProcessIdentity;
  readonly signal: AbortSignal;
  readonly onLog: (line: string) => void;
}

/** What a build step may use while it makes an image. */
export interface Workplace {
  /** A folder that is removed afterwards. */
  readonly work: string;
  /** A container of an image, for the commands of the recipe. */
  session<T>(
    from: Pick<SessionOptions, 'image' | 'network'>,
    use: (session: Session) => Promise<T>,
  ): Promise<T>;
}

interface Target {
  readonly tag: string;
  /** True for an image that is what would be made: it is used as it is. */
  readonly isCurrent: (image: ImageInfo) => boolean;
  readonly make: (place: Workplace) => Promise<Omit<ImageSpec, 'tag'>>;
}

/**
 * The image with this tag: the one that is there if it is current, else made and loaded, by one process at a time. Rejects with an error that
 * names the image, the command that failed and its build log; nothing half-made is tagged.
 */
export async function imageOnce(context: BuildContext, { tag, isCurrent, make }: Target): Promise<ImageInfo> {
  const { images, cacheDir, signal, owner, onLog } = context;
  const present = async () => {
    const found = await images.inspect(tag, signal);
    return found !== undefined && isCurrent(found) ? found : undefined;
  };
  const found = await present();
  if (found !== undefined) return found;
  const name = tag.replace(/:latest$/, '').replaceAll(':', '_');
  const lock = { path: join(cacheDir, 'build-locks', name), owner, signal, onWait: onLog };
  return withLock(lock, async () => {
    const other = await present();
    if (other !== undefined) return other;
    const log: string[] = [];
    const removals: Promise<void>[] = [];
    const logFile = join(cacheDir, 'build-logs', `${name}.log`);
    const work = join(cacheDir, 'work', name);
    // What a process that was killed left: its lock is ours now.
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const onLine = (coloured: string) => {
      const line = stripVTControlCharacters(coloured);
      log.push(line);
      onLog(line);
    };
    const discard = (container: Container) => {
      const stays = (error: Error) =>
        onLine(`container ${container.id} could not be removed: ${error.message}`);
      removals.push(container.destroy().catch(stays));
    };
    const stale = await images.inspect(tag, signal);
    try {
      const spec = await make({
        work,
        session: (from, use) =>
          withSession({ ...context, ...from, name: `assay.build.${name}`, onLine, discard }, use),
      });
      await images.load(imageArchive({ ...spec, tag }), { signal, onLog: onLine });
      const made = await present();
      // Without its name it would only fill the disk; it stays when anything stands on it.
      if (made !== undefined && stale !== undefined && stale.id !== made.id) await images.remove(stale.id);
      if (made !== undefined) return made;
      throw new AssayError(
        'image_build_failed',
        'the engine took the image without an error, but it is not there',
      );
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toAssayError(thrown);
      log.push(error.message, error.detail ?? '');
      const where = log.length > 2 ? ` (build log: ${logFile})` : '';
      throw new AssayError(error.code, `building ${tag}: ${error.message}${where}`, {
        ...(error.detail === undefined ? {} : { detail: error.detail }),
        cause: error,
      });
    } finally {
      await Promise.all(removals);
      await rm(work, { recursive: true, force: true });
      // On a full disk the error above says more than that its log can't be written.
      if (log.length > 0) await writeAtomic(logFile, log.map((line) => `${line}\n`).join('')).catch(() => {});
    }
  });
}
