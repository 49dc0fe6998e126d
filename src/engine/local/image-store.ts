import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { AssayError } from '../../errors.js';
import { hasCode, readIfExists, writeAtomic } from '../../util/files.js';
import { canonicalJson, sha256 } from '../../util/hash.js';
import type { ImageEngine, ImageInfo } from '../engine.js';
import { command } from './command.js';
import { engineFailure, step } from './failures.js';
import { HOME, TMP } from './paths.js';
import { SYSTEM_FOLDERS } from './tools.js';

export interface ImportRequest {
  /** Name to find it by; an older content of that name is replaced. */
  readonly ref: string;
  /** Folder that holds the files; `.git` and `__pycache__` in it are left out. */
  readonly dir: string;
  /** Absolute path of the tree inside. */
  readonly workdir: string;
  readonly signal: AbortSignal;
}

export interface StoredImage extends ImageInfo {
  readonly workdir: string;
}

export interface ImageStore extends ImageEngine {
  importTree(request: ImportRequest): Promise<ImageInfo>;
  /** The host folder of which each workspace is a copy. Rejects with `image_missing`. */
  open(ref: string): Promise<{ readonly start: string; readonly workdir: string }>;
}

interface TreeEntry {
  readonly path: string;
  readonly mode: '100644' | '100755' | '120000';
  /** sha256 of the content, or of a link's target. */
  readonly sha256: string;
  readonly size: number;
}

/** Not part of a tree: the second appears in it whenever somebody runs its tests in place. */
const LEFT_OUT = ['.git', '__pycache__'];
/** Name of a workspace's first pipe, beside its `root`. */
export const OUTPUT_PIPE = 'output';
/** Bumped when the same files would give another image. */
const FORMAT = 1;
const COMMIT = {
  GIT_AUTHOR_NAME: 'assay',
  GIT_AUTHOR_EMAIL: 'assay@localhost',
  GIT_AUTHOR_DATE: '2020-01-01T00:00:00+0000',
  GIT_COMMITTER_NAME: 'assay',
  GIT_COMMITTER_EMAIL: 'assay@localhost',
  GIT_COMMITTER_DATE: '2020-01-01T00:00:00+0000',
};
const GIT_CONFIG = {
  'user.name': 'assay',
  'user.email': 'assay@localhost',
  'core.autocrlf': 'false',
  'core.logAllRefUpdates': 'false',
  // The tree is copied for each attempt: inode and ctime say nothing.
  'core.checkStat': 'minimal',
  'core.trustctime': 'false',
  'gc.auto': '0',
};

/**
 * Local images: `images/<digest>/start` is what a workspace starts as: a pipe for output, and `root` with the tree as a git repository
 * of one commit at its workdir; `refs/` says which name means which digest. The commit id depends on the files alone (fixed author, date, message,
 * modes). An image appears by rename, so a half-made one is never seen.
 */
export function imageStore({
  cacheDir,
  path,
}: {
  readonly cacheDir: string;
  readonly path: string;
}): ImageStore {
  const images = join(cacheDir, 'images');
  const refs = join(cacheDir, 'refs');
  const refFile = (ref: string) => join(refs, `${sha256(ref).slice(0, 32)}.json`);
  const imageDir = (digest: string) => join(images, digest.replace('sha256:', ''));
  const underWay = new Map<string, Promise<unknown>>();

  async function inspect(ref: string): Promise<StoredImage | undefined> {
    const text = await readIfExists(refFile(ref));
    if (text === undefined) return undefined;
    const image = JSON.parse(text) as StoredImage;
    return (await exists(imageDir(image.digest))) ? image : undefined;
  }

  async function importTree(request: ImportRequest): Promise<ImageInfo> {
    const { ref, dir, workdir, signal } = request;
    checkWorkdir(workdir);
    return step(`can't import ${dir} as ${ref}`, signal, async () => {
      const entries = await listTree(dir);
      const digest = `sha256:${sha256(canonicalJson({ format: FORMAT, workdir, entries }))}`;
      const target = imageDir(digest);
      if (!(await exists(target))) await make({ dir, workdir, entries, target, signal });
      const known = await inspect(ref);
      if (known?.digest === digest) return known;
      const commit = (await readFile(join(target, 'commit'), 'utf8')).trim();
      const image: StoredImage = {
        ref,
        digest,
        sizeBytes: entries.reduce((sum, entry) => sum + entry.size, 0),
        labels: { 'assay.commit': commit },
        workdir,
      };
      await writeAtomic(refFile(ref), JSON.stringify(image));
      return image;
    });
  }

  async function make(request: MakeRequest): Promise<void> {
    const temporary = join(images, `.tmp-${process.pid}-${randomBytes(6).toString('hex')}`);
    try {
      await fill(temporary, request, path);
      await rename(temporary, request.target).catch((error: unknown) => {
        // Another process was first; its content is the same.
        if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async function all(): Promise<readonly StoredImage[]> {
    const names = await readdir(refs).catch(() => []);
    const texts = await Promise.all(
      names.filter((name) => name.endsWith('.json')).map((name) => readIfExists(join(refs, name))),
    );
    return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text) as StoredImage);
  }

  const refuse = (ref: string) =>
    Promise.reject(
      new AssayError(
        'image_missing',
        `the local engine runs only trees that were imported, and has no image ${ref}`,
        {
          detail: 'Published images and Dockerfiles need --engine docker.',
        },
      ),
    );

  return {
    importTree: async (request) => {
      const key = canonicalJson([request.ref, request.dir, request.workdir]);
      const before = underWay.get(key) ?? Promise.resolve();
      // One after the other: the second finds what the first made, and an aborted first doesn't fail the second.
      const turn = before.catch(() => undefined).then(() => importTree(request));
      underWay.set(key, turn);
      try {
        return await turn;
      } finally {
        if (underWay.get(key) === turn) underWay.delete(key);
      }
    },
    open: async (ref) => {
      const image = await inspect(ref);
      if (image === undefined) return refuse(ref);
      return { start: join(imageDir(image.digest), 'start'), workdir: image.workdir };
    },
    inspect: (ref, signal) => step(`can't read image ${ref}`, signal, () => inspect(ref)),
    pull: (ref) => refuse(ref),
    build: ({ tag }) => refuse(tag),
    list: async (labels) => (await all()).filter((image) => carries(image.labels, labels)),
    remove: async (ref) => {
      try {
        const image = await inspect(ref);
        await rm(refFile(ref), { force: true });
        if (image === undefined || (await all()).some((other) => other.digest === image.digest)) return;
        await rm(imageDir(image.digest), { recursive: true, force: true });
      } catch (error) {
        throw engineFailure(`can't remove image ${ref}`, error);
      }
    },
  };
}

/** True when `labels` has each of the `wanted` with the same value. */
export function carries(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

interface MakeRequest {
  readonly dir: string;
  readonly workdir: string;
  readonly entries: readonly TreeEntry[];
  readonly target: string;
  readonly signal: AbortSignal;
}

async function fill(
  folder: string,
  { dir, workdir, entries, signal }: MakeRequest,
  path: string,
): Promise<void> {
  const start = join(folder, 'start');
  const root = join(start, 'root');
  const tree = join(root, workdir);
  await Promise.all([TMP, HOME, workdir].map((place) => mkdir(join(root, place), { recursive: true })));
  for (const entry of entries) {
    signal.throwIfAborted();
    const from = join(dir, entry.path);
    const to = join(tree, entry.path);
    await mkdir(dirname(to), { recursive: true });
    if (entry.mode === '120000') await symlink(await readlink(from), to);
    else {
      await copyFile(from, to);
      await chmod(to, entry.mode === '100755' ? 0o755 : 0o644);
    }
  }
  const env = {
    PATH: path,
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...COMMIT,
  };
  const git = (...args: string[]) => command({ argv: ['git', ...args], cwd: tree, env, signal });
  await git('init', '--quiet', '--template=', '--initial-branch=main', '--object-format=sha1');
  const config = Object.entries(GIT_CONFIG).map(([key, value]) => {
    const [section, name] = key.split('.');
    return `[${section}]\n\t${name} = ${value}\n`;
  });
  const configFile = join(tree, '.git', 'config');
  await writeAtomic(configFile, (await readFile(configFile, 'utf8')) + config.join(''));
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--no-verify', '--no-gpg-sign', '--allow-empty', '--message', 'Base');
  // Two files instead of one per object: an attempt starts with a copy of all of them.
  await git('repack', '-a', '-d', '-q');
  await writeAtomic(join(folder, 'commit'), await git('rev-parse', 'HEAD'));
  await chmod(join(root, TMP), 0o1777);
  await makePipe(join(start, OUTPUT_PIPE), path);
}

/** Makes a named pipe and gives its path. */
export async function makePipe(file: string, path: string): Promise<string> {
  await command({ argv: ['mkfifo', '-m', '600', file], env: { PATH: path } });
  return file;
}

async function listTree(dir: string, below = ''): Promise<readonly TreeEntry[]> {
  const found = await readdir(join(dir, below), { withFileTypes: true });
  const names = found
    .filter((entry) => !LEFT_OUT.includes(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries: TreeEntry[] = [];
  for (const entry of names) {
    const path = posix.join(below, entry.name);
    const file = join(dir, path);
    if (entry.isDirectory()) entries.push(...(await listTree(dir, path)));
    else if (entry.isSymbolicLink()) {
      const target = await readlink(file);
      entries.push({ path, mode: '120000', sha256: sha256(target), size: target.length });
    } else if (entry.isFile()) {
      const { mode, size } = await stat(file);
      entries.push({ path, mode: mode & 0o100 ? '100755' : '100644', sha256: await fileSha256(file), size });
    } else throw new Error(`neither file, folder nor link: ${file}`);
  }
  return entries;
}

async function fileSha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function checkWorkdir(workdir: string): void {
  const taken = [...SYSTEM_FOLDERS, '/proc', '/dev', '/etc', '/run', '/var', '/sys', '/home', TMP, '/'];
  const isTaken = taken.some((folder) => workdir === folder || workdir.startsWith(`${folder}/`));
  if (isTaken || !workdir.startsWith('/') || posix.normalize(workdir) !== workdir || workdir.endsWith('/'))
    throw new AssayError(
      'engine_failed',
      `a tree can't lie at ${JSON.stringify(workdir)} in a local sandbox`,
    );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
