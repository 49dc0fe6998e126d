import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { simpleGit } from 'simple-git';
import { AssayError } from '../errors.js';
import { withLock } from '../util/lock.js';
import type { ProcessIdentity } from '../util/process.js';

export interface MirrorOptions {
  /** `owner/name`. */
  readonly repo: string;
  /** Where to clone from instead of GitHub, by `owner/name`: the path of a clone or bare repository, or an address. */
  readonly given: ReadonlyMap<string, string>;
  readonly cacheDir: string;
  /** Must be in the mirror: one that lacks it is brought up to date. */
  readonly commit: string;
  /** Fetches from paths alone; else `image_missing`. */
  readonly offline?: boolean;
  readonly owner: ProcessIdentity;
  readonly signal: AbortSignal;
  readonly onLog: (line: string) => void;
}

/**
 * Path of the bare mirror of a repository that holds the commit: cloned once into the cache, brought up to date when it lacks the commit.
 * One process at a time; rejects with `image_build_failed`.
 */
export async function mirrorOf(options: MirrorOptions): Promise<string> {
  const { repo, given, cacheDir, commit, offline = false, signal, onLog } = options;
  const path = mirrorPath(cacheDir, repo);
  if (await holds(path, commit)) return path;
  const source = given.get(repo) ?? `https://github.com/${repo}.git`;
  if (offline && source.includes('://'))
    throw new AssayError(
      'image_missing',
      `the cache has no mirror of ${repo} with ${commit}, and --offline fetches nothing; --mirror ${repo}=PATH names a clone`,
    );
  await mkdir(dirname(path), { recursive: true });
  return withLock({ ...options, path: `${path}.lock`, onWait: onLog }, async () => {
    if (await holds(path, commit)) return path;
    onLog(`${repo}: fetching from ${source}`);
    const isNew = !existsSync(path);
    const target = isNew ? `${path}.new` : path;
    try {
      if (isNew) {
        await rm(target, { recursive: true, force: true });
        await simpleGit({ abort: signal }).mirror(source, target);
      }
      const git = simpleGit({ baseDir: target, abort: signal });
      // Into the mirror that others may be reading: objects are only added.
      if (!isNew) await git.raw(['fetch', '--quiet', '--prune', source, '+refs/*:refs/*']);
      await git.raw(['commit-graph', 'write', '--reachable']);
    } catch (cause) {
      signal.throwIfAborted();
      const why = cause instanceof Error ? cause.message.trim() : String(cause);
      throw new AssayError('image_build_failed', `no mirror of ${repo}: fetching ${source} failed`, {
        detail: `${why}\nA local clone can be named with --mirror ${repo}=PATH.`,
        cause,
      });
    }
    if (!(await holds(target, commit)))
      throw new AssayError('image_build_failed', `${source} doesn't hold commit ${commit} of ${repo}`);
    if (isNew) await rename(target, path);
    return path;
  });
}

/** Where the mirror of a repository is kept. */
export function mirrorPath(cacheDir: string, repo: string): string {
  return join(cacheDir, 'mirrors', `${repo.replace('/', '+')}.git`);
}

async function holds(mirror: string, commit: string): Promise<boolean> {
  try {
    return (await simpleGit(mirror).raw('cat-file', '-t', commit)).trim() === 'commit';
  } catch {
    return false;
  }
}
