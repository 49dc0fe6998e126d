import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import { hasCode, writeAtomic } from '../util/files.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { takeLock } from '../util/lock.js';
import { mapLimit } from '../util/pool.js';
import type { BuildContext } from './build-context.js';
import { environmentTag, lockOf } from './environment.js';
import { writeArchive } from './export-archive.js';
import { describeFile, type ExportIndex, IMAGES_FILE, INDEX_FILE, readIndex } from './export-index.js';
import { exportRepository } from './export-repositories.js';
import { instanceImage, instanceTag } from './instance.js';
import { LABEL } from './labels.js';
import { readLock, writeLock } from './lock.js';
import { wheelsFor } from './wheels.js';

/** An instance whose tree is of a repository: one that we ship has nothing to carry. */
export interface ExportInstance {
  readonly instanceId: string;
  readonly recipe: ImageRecipe & { readonly source: { readonly kind: 'git' } };
}

interface ExportOptions {
  readonly context: BuildContext;
  readonly instances: readonly ExportInstance[];
  readonly folder: string;
  /** Make it anew where there is a complete one. */
  readonly overwrite: boolean;
  /** The command that builds the images of these instances. */
  readonly howToBuild: (instanceIds: readonly string[]) => string;
}

/** Questions to the engine, and packs, at once. */
const PARALLEL = 4;
const PACKS = 2;
/** Folder of unfinished files. */
const WORK = '.partial';

/**
 * Writes what the images of the instances are made from into a folder, the index last. With a complete export in the folder nothing is done.
 * Rejects with `image_missing` when images aren't built, or aren't what their recipes ask for now; with `usage` when the folder has an export
 * of other instances.
 */
export async function exportImages(
  options: ExportOptions,
): Promise<{ readonly index: ExportIndex; readonly isNew: boolean }> {
  const { context, instances, folder, overwrite } = options;
  await mkdir(folder, { recursive: true });
  const release = await takeLock(join(folder, '.lock'), context.owner);
  const work = join(folder, WORK);
  try {
    const old = overwrite ? undefined : await readIndex(folder);
    if (old !== undefined) {
      if (namesOf(old.instances) === namesOf(instances)) return { index: old, isNew: false };
      throw new AssayError(
        'usage',
        `${folder} holds an export of other instances (${old.instances.length}): choose another folder, or --overwrite`,
      );
    }
    const built = await builtImages(options);
    await rm(work, { recursive: true, force: true });
    if (overwrite)
      for (const name of [INDEX_FILE, 'repositories'])
        await rm(join(folder, name), { recursive: true, force: true });
    await mkdir(work);
    return { index: await write(options, built, work), isNew: true };
  } finally {
    await rm(work, { recursive: true, force: true });
    await release();
  }
}

function namesOf(instances: readonly { readonly instanceId: string }[]): string {
  return instances
    .map(({ instanceId }) => instanceId)
    .sort()
    .join(' ');
}

/** The images of the instances, in their order. */
async function builtImages({ context, instances, howToBuild }: ExportOptions): Promise<readonly ImageInfo[]> {
  const { signal, onLog } = context;
  const found = await mapLimit(instances, PARALLEL, ({ recipe }) =>
    context.images.inspect(instanceTag(recipe.name), signal),
  );
  const refuse = async (): Promise<never> => {
    throw new AssayError(
      'image_missing',
      'the image is not what the recipe asks for now, or the cache lacks the wheels it was built with (remove it then)',
    );
  };
  /** Finds images, and makes none. */
  const frozen: BuildContext = {
    ...context,
    images: { ...context.images, load: refuse },
    containers: { ...context.containers, start: refuse },
    updateLocks: false,
  };
  const missing = instances.filter((_, i) => found[i] === undefined);
  if (missing.length === 0)
    await mapLimit(instances, PARALLEL, async (instance) => {
      const { recipe } = instance;
      try {
        await instanceImage(frozen, recipe);
        const environment = await present(context, environmentTag(recipe.environment));
        const { repo, commit } = recipe.source;
        const repository = await context.mirror(repo, commit, signal);
        // The cache may be another one than that of the build.
        await wheelsFor(frozen, { environment, repository, commit, place: { work: '', session: refuse } });
      } catch (error) {
        if (!(error instanceof AssayError && error.code === 'image_missing')) throw error;
        onLog(`${instance.instanceId}: ${error.message}`);
        missing.push(instance);
      }
    });
  if (missing.length === 0) return found as readonly ImageInfo[];
  const ids = missing.map(({ instanceId }) => instanceId);
  throw new AssayError(
    'image_missing',
    `${ids.length} of ${instances.length} images are not built, or not as their recipes ask for now: ${ids.join(', ')}`,
    { detail: howToBuild(ids) },
  );
}

async function write(
  { context, instances, folder }: ExportOptions,
  built: readonly ImageInfo[],
  work: string,
): Promise<ExportIndex> {
  const { images: engine, signal, onLog } = context;
  const repos = new Map<string, Set<string>>();
  /** Environments of one repository are alike, and become neighbours. */
  const tags = new Map<string, string>();
  for (const { recipe } of instances) {
    const { repo, commit } = recipe.source;
    repos.set(repo, (repos.get(repo) ?? new Set()).add(commit));
    const { environment } = recipe;
    tags.set(environmentTag(environment), `${repo} ${environment.python}`);
  }
  const sorted = [...tags].sort((a, b) => (`${a[1]} ${a[0]}` < `${b[1]} ${b[0]}` ? -1 : 1));
  const environments = await mapLimit(sorted, PARALLEL, ([tag]) => present(context, tag));
  const bases = await basesOf(context, instances);
  const shared = await sharedImages(context, environments);
  const images = [...bases, ...shared, ...environments].map(({ ref, id }) => ({ ref, id }));

  const names: string[] = [];
  for (const environment of environments) names.push(...(await exportLock(context, environment, folder)));
  const packs = await mapLimit([...repos].sort(), PACKS, ([repo, commits]) =>
    exportRepository({ context, repo, commits: [...commits].sort(), folder, work }),
  );
  onLog(`saving and compressing ${images.length} images`);
  const archive = join(work, IMAGES_FILE);
  const unique = images.filter(({ ref }, i) => images.findIndex((other) => other.ref === ref) === i);
  await writeArchive({ engine, images: unique, work: join(work, 'saved'), file: archive, signal });
  await rename(archive, join(folder, IMAGES_FILE));

  names.push(...packs.flat(), IMAGES_FILE);
  const index: ExportIndex = {
    schemaVersion: 1,
    files: [...(await mapLimit(names.sort(), PACKS, (name) => describeFile(folder, name)))],
    bases: [...bases],
    images: unique,
    instances: instances.map(({ instanceId, recipe }, i) => {
      const { id, layers } = built[i] as ImageInfo;
      return { instanceId, recipe, ref: instanceTag(recipe.name), id, layers: [...layers] };
    }),
  };
  await writeAtomic(join(folder, INDEX_FILE), `${JSON.stringify(index)}\n`);
  return index;
}

async function present({ images, signal }: BuildContext, ref: string): Promise<ImageInfo> {
  const found = await images.inspect(ref, signal);
  if (found !== undefined) return found;
  throw new AssayError('image_missing', `${ref} was removed in the meantime`);
}

/** The base of each Python version. */
async function basesOf(
  { base, signal }: BuildContext,
  instances: readonly ExportInstance[],
): Promise<ExportIndex['bases']> {
  const versions = [...new Set(instances.map(({ recipe }) => recipe.environment.python))].sort();
  return Promise.all(
    versions.map(async (python) => {
      const { ref, id } = await base(python, signal);
      if (ref.includes('@'))
        throw new AssayError('usage', `--base ${ref}: an export needs a base with a tag (docker tag)`);
      const named = ref.slice(ref.lastIndexOf('/') + 1).includes(':') ? ref : `${ref}:latest`;
      return { ...(python === undefined ? {} : { python }), ref: named, id };
    }),
  );
}

/** What environments have in common: images of system packages and interpreters below them. */
async function sharedImages(
  context: BuildContext,
  environments: readonly ImageInfo[],
): Promise<readonly ImageInfo[]> {
  const { images } = context;
  const listed = await Promise.all(
    ['system', 'interpreter'].map((kind) => images.list({ [LABEL.kind]: kind })),
  );
  const refs = [...new Set(listed.flat().map(({ ref }) => ref))].filter((ref) => !ref.startsWith('sha256:'));
  const found = await mapLimit(refs.sort(), PARALLEL, (ref) => present(context, ref));
  return found
    .filter(({ layers }) =>
      environments.some((environment) => layers.every((layer, i) => environment.layers[i] === layer)),
    )
    .sort((a, b) => a.layers.length - b.layers.length);
}

/** Copies the lock file of an environment and the wheels that it names; returns the files' names. */
async function exportLock(
  { locksDir, cacheDir }: BuildContext,
  { labels, ref }: ImageInfo,
  folder: string,
): Promise<readonly string[]> {
  const key = labels[LABEL.environment] ?? '';
  const lock = (await readLock(locksDir, key)) ?? lockOf(labels);
  if (lock === undefined) throw new AssayError('bad_lock', `${ref} has no lock file in ${locksDir}`);
  await writeLock(join(folder, 'locks'), key, lock);
  const names = [`locks/${key.slice(0, 16)}.json`];
  await mkdir(join(folder, 'wheels'), { recursive: true });
  for (const wheels of Object.values(lock.projects ?? {})) {
    const name = `wheels/${sha256(canonicalJson([labels[LABEL.key], wheels])).slice(0, 16)}.tar`;
    try {
      await copyFile(join(cacheDir, name), join(folder, name));
      names.push(name);
    } catch (error) {
      // Of an instance that is not exported.
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
  return names;
}
