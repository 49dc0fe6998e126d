import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { anchorsOf } from './anchors.js';
import { type BuildContext, imageOnce } from './build-context.js';
import { environmentImage } from './environment.js';
import { gitBytes, gitText } from './git.js';
import { PACKING_KEY, type Past, pastOf, workRepository, writeCommit } from './history.js';
import { LABEL } from './labels.js';
import { ownLayer } from './own-layer.js';
import { repositoryImage } from './repository.js';
import { installScript } from './scripts.js';
import { wheelsFor } from './wheels.js';

/** Date of the commit of a tree that has no history, in seconds since the epoch: 2020-01-01. */
const NO_DATE = 1577836800;

/** Name under which the image of a recipe is built and found. */
export function instanceTag(name: string): string {
  return `assay.eval.${name.toLowerCase()}:latest`;
}

/** The commit that an image is to hold, and what leads to it. */
export interface Source {
  /** Path of a git repository that holds the commit. */
  readonly repository: string;
  readonly commit: string;
  /** Label: where the commit is from. */
  readonly repo: string;
  readonly past: () => Promise<Past>;
  /** Commits that history layers end at, oldest first. */
  readonly anchors: () => Promise<readonly string[]>;
}

/**
 * Builds the image of a recipe: environment, history layers, and a layer of its own with the rest of the history, what differs from the last
 * anchor's tree, and what the install changed. An image that is there with the same content key is used as it is.
 * Rejects with `image_build_failed`.
 */
export async function instanceImage(context: BuildContext, recipe: ImageRecipe): Promise<ImageInfo> {
  const { source } = recipe;
  const { signal } = context;
  const environment = await environmentImage(context, recipe.environment);
  if (source.kind === 'tree')
    return withShippedTree(context, source.dir, (made) =>
      build({ context, recipe, environment, source: made }),
    );
  const { repo, commit } = source;
  const repository = await context.mirror(repo, commit, signal);
  const at = { repository, commit, signal };
  return build({
    context,
    recipe,
    environment,
    source: { repository, commit, repo, past: () => pastOf(at), anchors: () => anchorsOf(at) },
  });
}

interface BuildOptions {
  readonly context: BuildContext;
  readonly recipe: ImageRecipe;
  readonly environment: ImageInfo;
  readonly source: Source;
}

async function build({ context, recipe, environment, source }: BuildOptions): Promise<ImageInfo> {
  const { workdir, name } = recipe;
  const { repository, repo, commit } = source;
  const script = installScript({ ...recipe, python: recipe.environment.python !== undefined, network: true });
  const key = sha256(
    canonicalJson({ environment: environment.labels[LABEL.key], commit, script, packing: PACKING_KEY }),
  );
  const root = workdir.slice(1);
  return imageOnce(context, {
    tag: instanceTag(name),
    isCurrent: ({ labels }) => labels[LABEL.key] === key,
    async make(place) {
      const [anchors, past, wheels] = await Promise.all([
        source.anchors(),
        source.past(),
        wheelsFor(context, { environment, repository, commit, place }),
      ]);
      const parent =
        anchors.length === 0
          ? environment
          : await repositoryImage(context, { environment, repo, repository, anchors, root });
      const anchor = anchors.at(-1);
      const layer = await ownLayer({
        context,
        place,
        recipe,
        environment,
        parent,
        repository,
        commit,
        anchor,
        past,
        wheels,
      });
      return {
        parent,
        layers: [layer],
        labels: {
          [LABEL.kind]: 'instance',
          [LABEL.key]: key,
          [LABEL.repo]: repo,
          [LABEL.commit]: commit,
        },
        workdir,
        comment: name,
      };
    },
  });
}

/** Makes a folder that we ship into a repository with one commit, for as long as `use` takes. */
async function withShippedTree<T>(
  { cacheDir, signal }: BuildContext,
  dir: string,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  await mkdir(join(cacheDir, 'work'), { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'work', `${process.pid}-`));
  try {
    const repository = await workRepository(work, undefined, signal);
    await gitBytes({ repository, signal, args: [`--work-tree=${dir}`, 'add', '--all', '--force'] });
    const tree = await gitText({ repository, signal, args: ['write-tree'] });
    // The commit that rows of a shipped tree name, and the local engine makes: eval scripts set test files back to it.
    const who = 'assay <assay@localhost>';
    const commit = await writeCommit({ repository, tree, message: 'Base', seconds: NO_DATE, who, signal });
    const past = { tree, seconds: NO_DATE, tags: [] };
    return await use({ repository, commit, repo: 'none', past: async () => past, anchors: async () => [] });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
