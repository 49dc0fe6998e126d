import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { mapLimit } from '../util/pool.js';
import { type BuildContext, imageOnce } from './build-context.js';
import { PACKING_KEY, packOf } from './history.js';
import { LABEL } from './labels.js';
import { type LayerEntry, type LayerFile, withFolders, writeLayer } from './layer.js';
import { treeAt, treeChange, treeEntries } from './tree.js';

/** Layers made at once: git packs with one thread each. */
const PARALLEL = 2;

export interface RepositoryOptions {
  readonly environment: ImageInfo;
  readonly repo: string;
  /** Path of the mirror. */
  readonly repository: string;
  /** Commits that history layers end at, oldest first; not empty. */
  readonly anchors: readonly string[];
  /** Path of the tree in the image, relative to `/`. */
  readonly root: string;
}

function repositoryTag({ labels }: ImageInfo, anchor: string): string {
  return `assay.repo.${labels[LABEL.environment]?.slice(0, 16)}:${anchor.slice(0, 12)}`;
}

/** What the content keys of all images with this environment and root start with. */
function keyPrefix({ environment, root }: RepositoryOptions): string {
  return [environment.labels[LABEL.key], root, PACKING_KEY].join(' ');
}

/**
 * The environment with the history and the tree of a repository up to the last anchor, one layer for each anchor. Layers that another image of
 * the environment has are used again.
 */
export async function repositoryImage(context: BuildContext, options: RepositoryOptions): Promise<ImageInfo> {
  const { environment, repo, anchors } = options;
  const last = anchors.at(-1) as string;
  const names = anchors.map((anchor) => anchor.slice(0, 12));
  const key = [keyPrefix(options), ...names].join(' ');
  const depth = environment.layers.length;
  return imageOnce(context, {
    tag: repositoryTag(environment, last),
    isCurrent: ({ labels, layers }) => labels[LABEL.key] === key && isOn(environment, layers),
    async make({ work }) {
      const below = await deepest(context, options, names);
      const missing = anchors.slice(below.length - depth);
      context.onLog(`${repo}: ${missing.length} of ${anchors.length} history layers to make`);
      const layers = await mapLimit(missing, PARALLEL, (anchor) => {
        const previous = anchors[anchors.indexOf(anchor) - 1];
        return anchorLayer(context, { ...options, anchor, previous, work });
      });
      return {
        parent: { ...environment, layers: below },
        layers,
        labels: {
          [LABEL.kind]: 'repository',
          [LABEL.key]: key,
          [LABEL.repo]: repo,
          [LABEL.commit]: last,
          [LABEL.anchors]: names.join(' '),
        },
        comment: `history of ${repo}`,
      };
    },
  });
}

function isOn(environment: ImageInfo, layers: readonly string[]): boolean {
  return environment.layers.every((layer, i) => layers[i] === layer);
}

/** Layers of the image that has the most of the anchors; those of the environment when none has any. */
async function deepest(
  { images, signal }: BuildContext,
  options: RepositoryOptions,
  names: readonly string[],
): Promise<readonly string[]> {
  const { environment, repo } = options;
  const found = await images.list({
    [LABEL.kind]: 'repository',
    [LABEL.environment]: environment.labels[LABEL.environment] ?? '',
    [LABEL.repo]: repo,
  });
  let best = { ref: '', shared: 0 };
  for (const { ref, labels } of found) {
    if (!labels[LABEL.key]?.startsWith(`${keyPrefix(options)} `)) continue;
    const others = labels[LABEL.anchors]?.split(' ') ?? [];
    const differing = names.findIndex((name, i) => name !== others[i]);
    const shared = differing === -1 ? names.length : differing;
    if (shared > best.shared) best = { ref, shared };
  }
  const image = best.shared === 0 ? undefined : await images.inspect(best.ref, signal);
  return image === undefined || !isOn(environment, image.layers)
    ? environment.layers
    : image.layers.slice(0, environment.layers.length + best.shared);
}

interface AnchorOptions extends RepositoryOptions {
  readonly anchor: string;
  readonly previous: string | undefined;
  readonly work: string;
}

async function anchorLayer(context: BuildContext, options: AnchorOptions): Promise<LayerFile> {
  const { repository, anchor, previous, root, work } = options;
  const { signal } = context;
  const [pack, from, to] = await Promise.all([
    anchorPack(context, options),
    previous === undefined ? undefined : treeAt({ repository, commit: previous, signal }),
    treeAt({ repository, commit: anchor, signal }),
  ]);
  const tree = await treeEntries({ repository, change: treeChange(from, to), root, signal });
  return writeLayer(withFolders([...tree, ...pack]), join(work, `${anchor}.tar`));
}

/** Packs of anchors are kept in the cache: all environments of a repository have the same. */
async function anchorPack(
  { cacheDir, signal }: BuildContext,
  { repository, repo, anchor, previous, root, work }: AnchorOptions,
): Promise<readonly LayerEntry[]> {
  const kept = join(
    cacheDir,
    'packs',
    repo.replace('/', '+'),
    `${anchor}-${previous?.slice(0, 12) ?? 'root'}-${PACKING_KEY}`,
  );
  const gitDir = `${root}/.git`;
  const names = await readdir(kept).catch(() => []);
  if (names.length > 0)
    return Promise.all(
      names.map(async (name) => ({
        path: `${gitDir}/objects/pack/${name}`,
        kind: 'file' as const,
        content: await readFile(join(kept, name)),
        mode: 0o444,
      })),
    );
  const without = previous === undefined ? [] : [previous];
  const pack = await packOf({ repository, tips: [anchor], without, gitDir, work, signal });
  const fresh = `${kept}.${process.pid}`;
  await mkdir(fresh, { recursive: true });
  for (const entry of pack)
    if (entry.kind === 'file') await writeFile(join(fresh, basename(entry.path)), entry.content);
  // Somebody else may have been quicker, with the same files.
  await rename(fresh, kept).catch(() => rm(fresh, { recursive: true, force: true }));
  return pack;
}
