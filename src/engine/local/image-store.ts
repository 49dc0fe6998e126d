import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { AssayError } from '../../errors.js';
import { hasCode, readIfExists, writeAtomic } from '../../util/files.js';
import { canonicalJson, sha256 } from '../../util/hash.js';
import type { ImageEngine, ImageInfo } from '../engine.js';
import { dockerOnly, engineFailure, step } from './failures.js';
import { removeHalfMade, temporaryName } from './half-made.js';
import { HOME, TMP } from './paths.js';
import { SYSTEM_FOLDERS } from './tools.js';
import { listTree, makeRepository, type TreeEntry } from './tree.js';
import { makePipe, OUTPUT_PIPE } from './workspace.js';

export interface ImportRequest {
  /** Name to find it by; an older content of that name is replaced. */
  readonly ref: string;
  /** Folder that holds the files; `.git` and `__pycache__` in it are left out. */
  readonly dir: string;
  /** Absolute path of the tree inside. */
  readonly workdir: string;
  readonly signal: AbortSignal;
}

/** What is kept of an image under its name. */
interface StoredImage extends Pick<ImageInfo, 'ref' | 'digest' | 'sizeBytes' | 'labels'> {
  readonly workdir: string;
}

function infoOf({ workdir, ...image }: StoredImage): ImageInfo {
  const config = { env: [], workdir, cmd: [], entrypoint: [], user: '', architecture: '' };
  return { ...image, id: image.digest, layers: [], config };
}

export interface ImageStore extends ImageEngine {
  importTree(request: ImportRequest): Promise<ImageInfo>;
  /** The host folder of which each workspace is a copy. Rejects with `image_missing`. */
  open(ref: string): Promise<{ readonly start: string; readonly workdir: string }>;
}

/** Bumped when the same files would give another image. */
const FORMAT = 1;
interface MakeRequest {
  readonly dir: string;
  readonly workdir: string;
  readonly entries: readonly TreeEntry[];
  readonly target: string;
  readonly signal: AbortSignal;
}

/**
 * Local images: `images/<digest>/start` is what a workspace starts as: a pipe for output, and `root` with the tree as a git
 * repository of one commit at its workdir; `refs/` says which name means which digest. The commit id depends on the files alone (fixed
 * author, date, message, modes). An image appears by rename, so a half-made one is never seen.
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

  async function find(ref: string): Promise<StoredImage | undefined> {
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
      const known = await find(ref);
      if (known?.digest === digest) return infoOf(known);
      const commit = (await readFile(join(target, 'commit'), 'utf8')).trim();
      const image: StoredImage = {
        ref,
        digest,
        sizeBytes: entries.reduce((sum, entry) => sum + entry.size, 0),
        labels: { 'assay.commit': commit },
        workdir,
      };
      await writeAtomic(refFile(ref), JSON.stringify(image));
      return infoOf(image);
    });
  }

  async function make(request: MakeRequest): Promise<void> {
    await removeHalfMade(images);
    const temporary = join(images, temporaryName(randomBytes(6).toString('hex')));
    try {
      await fill(temporary, request);
      await rename(temporary, request.target).catch((error: unknown) => {
        // Another process was first; its content is the same.
        if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async function fill(folder: string, { dir, workdir, entries, signal }: MakeRequest): Promise<void> {
    const root = join(folder, 'start', 'root');
    await Promise.all([TMP, HOME, workdir].map((place) => mkdir(join(root, place), { recursive: true })));
    await chmod(join(root, TMP), 0o1777);
    const commit = await makeRepository({ dir, entries, tree: join(root, workdir), path, signal });
    await writeAtomic(join(folder, 'commit'), commit);
    await makePipe(join(folder, 'start', OUTPUT_PIPE), path);
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
          detail: 'Images that were built or pulled need --engine docker.',
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
      const image = await find(ref);
      if (image === undefined) return refuse(ref);
      return { start: join(imageDir(image.digest), 'start'), workdir: image.workdir };
    },
    inspect: (ref, signal) =>
      step(`can't read image ${ref}`, signal, async () => {
        const image = await find(ref);
        return image && infoOf(image);
      }),
    pull: (ref) => refuse(ref),
    load: () => dockerOnly('load images'),
    push: () => dockerOnly('push images'),
    tag: () => dockerOnly('tag images'),
    save: () => dockerOnly('save images'),
    layerSizes: () => dockerOnly('tell layers'),
    inUse: async () => new Set(),
    list: async (labels) => (await all()).filter((image) => carries(image.labels, labels)).map(infoOf),
    remove: async (ref) => {
      try {
        const image = await find(ref);
        await rm(refFile(ref), { force: true });
        if (image === undefined || (await all()).some((other) => other.digest === image.digest)) return true;
        await rm(imageDir(image.digest), { recursive: true, force: true });
        return true;
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
