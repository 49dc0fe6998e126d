import { copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { hasCode } from '../util/files.js';
import { canonicalJson } from '../util/hash.js';
import { mapLimit } from '../util/pool.js';
import type { BuildContext } from './build-context.js';
import { readCompressed } from './export-archive.js';
import {
  describeFile,
  type ExportedInstance,
  type ExportIndex,
  IMAGES_FILE,
  INDEX_FILE,
  readIndex,
} from './export-index.js';
import { importRepository } from './import-repositories.js';
import { instanceImage } from './instance.js';
import { readLock, writeLock } from './lock.js';

/** Files read, and mirrors made, at once. */
const PARALLEL = 2;

interface ImportOptions {
  readonly context: BuildContext;
  readonly folder: string;
}

/**
 * Takes the images, mirrors, locks and wheels of an export in; what is there is left as it is. Rejects with `bad_export`, before anything is
 * loaded, when a file is missing or damaged, and with `usage` when a base's name stands for another image here.
 */
export async function importFiles({ context, folder }: ImportOptions): Promise<ExportIndex> {
  const index = await readIndex(folder);
  if (index === undefined)
    throw new AssayError(
      'bad_export',
      `${folder} has no ${INDEX_FILE}: it is no export, or one that was not finished`,
    );
  await checkFiles(index, folder);
  await loadImages(context, index, folder);
  const repos = new Set(index.instances.map(({ recipe }) => recipe.source.repo));
  await mapLimit([...repos], PARALLEL, (repo) => importRepository({ context, repo, folder }));
  const namesOf = (prefix: string) => index.files.filter(({ name }) => name.startsWith(prefix));
  for (const { name } of namesOf('wheels/'))
    await copyMissing(join(folder, name), join(context.cacheDir, name));
  for (const { name } of namesOf('locks/')) await keepLock(context, basename(name, '.json'), folder);
  return index;
}

/** What a file must be, or an error that names all that aren't. */
async function checkFiles({ files }: ExportIndex, folder: string): Promise<void> {
  const faults = await mapLimit(files, PARALLEL, async ({ name, bytes, sha256 }) => {
    try {
      // Cheap, and says more: most damaged copies are short ones.
      const { size } = await stat(join(folder, name));
      if (size !== bytes) return `${name}: ${size} bytes instead of ${bytes}`;
      const found = await describeFile(folder, name);
      return found.sha256 === sha256 ? '' : `${name}: sha256 ${found.sha256} instead of ${sha256}`;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return `${name}: missing`;
      throw error;
    }
  });
  const told = faults.filter((fault) => fault !== '');
  if (told.length === 0) return;
  throw new AssayError('bad_export', `damaged in ${folder}: ${told.join('; ')}`, {
    detail: 'Nothing was loaded. Copy these files again.',
  });
}

async function loadImages(
  { images, signal, onLog }: BuildContext,
  index: ExportIndex,
  folder: string,
): Promise<void> {
  const idOf = async (ref: string) => (await images.inspect(ref, signal))?.id;
  for (const { ref, id } of index.bases) {
    const here = await idOf(ref);
    if (here !== undefined && here !== id)
      throw new AssayError(
        'usage',
        `${ref} is another image here (${here}) than in the export (${id}): give the one here another name (docker tag) and remove this one`,
      );
  }
  const there = await mapLimit(index.images, PARALLEL, async ({ ref, id }) => (await idOf(ref)) === id);
  const missing = there.filter((isThere) => !isThere).length;
  if (missing === 0) return;
  onLog(`loading ${missing} of ${index.images.length} base and environment images`);
  await images.load(readCompressed(join(folder, IMAGES_FILE)), { signal });
}

async function copyMissing(from: string, to: string): Promise<void> {
  if (await stat(to).catch(() => undefined)) return;
  await mkdir(dirname(to), { recursive: true });
  const fresh = `${to}.${process.pid}`;
  await copyFile(from, fresh);
  await rename(fresh, to);
}

/** Puts a lock where builds look; one of the same versions learns of the projects' wheels, one of others stays. */
async function keepLock({ locksDir, onLog }: BuildContext, key: string, folder: string): Promise<void> {
  const lock = await readLock(join(folder, 'locks'), key);
  if (lock === undefined) return;
  const { projects, ...versions } = lock;
  const here = await readLock(locksDir, key);
  const { projects: known, ...versionsHere } = here ?? lock;
  if (canonicalJson(versions) === canonicalJson(versionsHere)) {
    if (here === undefined || canonicalJson(known) !== canonicalJson({ ...projects, ...known }))
      await writeLock(locksDir, key, { ...lock, projects: { ...projects, ...known } });
  } else
    onLog(
      `${join(locksDir, key)}.json names other versions than the export: builds other than this one go by it`,
    );
}

/** What became of an instance. */
export interface ImportedImage {
  readonly instanceId: string;
  readonly ref: string;
  readonly id: string;
  /** What differs from the image that was exported; undefined when nothing does. */
  readonly difference?: string;
}

/** Does `use` with a context in which builds take the bases and locks of the export; needs no network. */
export async function withExport<T>(
  { context, folder }: ImportOptions,
  index: ExportIndex,
  use: (context: BuildContext) => Promise<T>,
): Promise<T> {
  const { images, cacheDir } = context;
  await mkdir(join(cacheDir, 'work'), { recursive: true });
  // A copy: builds write here, and the export may be on a disk that nobody may write on.
  const locksDir = await mkdtemp(join(cacheDir, 'work', `${process.pid}-import-`));
  try {
    for (const { name } of index.files)
      if (name.startsWith('locks/')) await copyFile(join(folder, name), join(locksDir, basename(name)));
    const base = async (python: string | undefined, signal: AbortSignal) => {
      const ref = index.bases.find((entry) => entry.python === python)?.ref ?? '';
      const found = await images.inspect(ref, signal);
      if (found !== undefined) return found;
      throw new AssayError('image_missing', `no base image ${ref}: it was removed since it was loaded`);
    };
    return await use({ ...context, locksDir, base, updateLocks: false });
  } finally {
    await rm(locksDir, { recursive: true, force: true });
  }
}

/** Builds the image of an instance in a context of `withExport`, and compares it with the exported one. */
export async function importInstance(
  context: BuildContext,
  { instanceId, recipe, id, layers }: ExportedInstance,
): Promise<ImportedImage> {
  const made = await instanceImage(context, recipe);
  const difference = made.id === id ? undefined : firstDifference(layers, made);
  return { instanceId, ref: made.ref, id: made.id, ...(difference === undefined ? {} : { difference }) };
}

function firstDifference(layers: readonly string[], made: ImageInfo): string {
  const count = Math.max(layers.length, made.layers.length);
  for (let i = 0; i < count; i++)
    if (layers[i] !== made.layers[i])
      return `layer ${i + 1} of ${count} is ${made.layers[i] ?? 'missing'} instead of ${layers[i] ?? 'none'}`;
  return `the layers are equal, the configuration is not: image ${made.id}`;
}
