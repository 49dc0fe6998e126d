import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hasCode, readIfExists, writeAtomic } from '../util/files.js';
import { Fault, type HubClient, type HubFile } from './hub-client.js';

/** The folder of one dataset in the cache shared with Python: `refs`, `snapshots/<commit>`, `blobs/<etag>`. */
export interface HubCache {
  /** Where a file of a commit lies or would lie. */
  pathOf(commit: string, path: string): string;
  /** The commit last seen for a branch or tag, by us or by Python. */
  readRef(revision: string): Promise<string | undefined>;
  writeRef(revision: string, commit: string): Promise<void>;
  /** Paths of the files present for a commit. */
  present(commit: string): Promise<readonly string[]>;
  /** Downloads a file unless its bytes are here, checks size and hash, and only then makes it visible. */
  add(options: {
    readonly client: HubClient;
    readonly commit: string;
    readonly file: HubFile;
  }): Promise<void>;
}

/** The cache of one dataset below the Hub cache folder. */
export function hubCache(cacheDir: string, dataset: string): HubCache {
  const root = join(cacheDir, `datasets--${dataset.replace('/', '--')}`);
  const snapshot = (commit: string) => join(root, 'snapshots', commit);
  const pathOf = (commit: string, path: string) => join(snapshot(commit), path);
  return {
    pathOf,
    async readRef(revision) {
      const text = (await readIfExists(join(root, 'refs', revision)))?.trim();
      return text !== undefined && /^[0-9a-f]{40}$/.test(text) ? text : undefined;
    },
    writeRef: (revision, commit) => writeAtomic(join(root, 'refs', revision), commit),
    async present(commit) {
      const folder = snapshot(commit);
      try {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => !entry.isDirectory())
          .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return [];
        throw error;
      }
    },
    async add({ client, commit, file }) {
      const blob = join(root, 'blobs', file.etag);
      const target = pathOf(commit, file.path);
      await Promise.all([blob, target].map((path) => mkdir(dirname(path), { recursive: true })));
      if (!(await isGood(blob, file))) {
        const incomplete = `${blob}.${randomBytes(4).toString('hex')}.incomplete`;
        try {
          await client.download({
            commit,
            path: file.path,
            target: incomplete,
            check: () => check(incomplete, file),
          });
          await rename(incomplete, blob);
        } finally {
          await rm(incomplete, { force: true });
        }
      }
      await link(blob, target);
    },
  };
}

/** Hex digest of a file's bytes, read as a stream. */
export async function hashOfFile(path: string, algorithm: 'sha1' | 'sha256', prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** An LFS file is named by the sha256 of its bytes, any other by the id of its git blob. */
async function check(path: string, file: HubFile): Promise<void> {
  const { size } = await stat(path);
  if (size !== file.size) throw new Fault(`${file.path} arrived with ${size} of ${file.size} bytes`, true);
  const isLfs = file.etag.length === 64;
  const actual = await hashOfFile(path, isLfs ? 'sha256' : 'sha1', isLfs ? '' : `blob ${size}\0`);
  if (actual !== file.etag)
    throw new Fault(`${file.path} arrived damaged: its hash is ${actual}, not ${file.etag}`, true);
}

async function isGood(path: string, file: HubFile): Promise<boolean> {
  try {
    await check(path, file);
    return true;
  } catch (error) {
    if (error instanceof Fault || hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function link(blob: string, target: string): Promise<void> {
  const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  await symlink(relative(dirname(target), blob), temporary);
  await rename(temporary, target);
}
