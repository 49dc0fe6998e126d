import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { simpleGit } from 'simple-git';
import { AssayError } from '../errors.js';

interface MirrorOptions {
  /** `owner/name`. */
  readonly repo: string;
  /** Given mirrors, `owner/name` -> path of a clone or bare repository. */
  readonly given: ReadonlyMap<string, string>;
  readonly cacheDir: string;
  /** Must be in the mirror; an older mirror of ours is fetched again for it. */
  readonly commit: string;
  readonly signal: AbortSignal;
}

/** Path of a git repository that holds the commit: the given one, or a bare mirror in the cache, cloned once from GitHub. */
export async function mirrorOf({ repo, given, cacheDir, commit, signal }: MirrorOptions): Promise<string> {
  const own = given.get(repo);
  if (own !== undefined) return own;
  const path = join(cacheDir, 'mirrors', `${repo.replace('/', '+')}.git`);
  try {
    if (await holds(path, commit)) return path;
    await mkdir(dirname(path), { recursive: true });
    const fresh = `${path}.${process.pid}`;
    await simpleGit({ abort: signal }).mirror(`https://github.com/${repo}.git`, fresh);
    await rm(path, { recursive: true, force: true });
    await rename(fresh, path);
    return path;
  } catch (cause) {
    signal.throwIfAborted();
    throw new AssayError('image_build_failed', `no mirror of ${repo}: cloning it failed`, {
      detail: `${cause instanceof Error ? cause.message.trim() : String(cause)}\nA local clone can be named with --mirror ${repo}=PATH.`,
      cause,
    });
  }
}

async function holds(mirror: string, commit: string): Promise<boolean> {
  try {
    return (await simpleGit(mirror).raw('cat-file', '-t', commit)).trim() === 'commit';
  } catch {
    return false;
  }
}
