import type { ImageEngine } from '../engine/engine.js';
import type { EvalSpec, ImageRecipe } from '../model/eval-spec.js';
import { environmentTag } from './environment.js';
import { gitText } from './git.js';
import { LABEL } from './labels.js';
import { mirrorPath } from './mirror.js';
import { environmentKey } from './recipe.js';
import { isPublished } from './resolve.js';

/**
 * `built`: by us, of this recipe; `stale`: by us, of another one; `published`: pulled; `buildable`: from what is on this machine;
 * `missing`: none of these.
 */
export type ImageState = 'built' | 'stale' | 'published' | 'buildable' | 'missing';

/** What there is for one instance. */
export interface ImageCheck {
  readonly instanceId: string;
  readonly state: ImageState;
  /** Name of the image that would be used. */
  readonly image?: string;
  /** What is wrong or missing. */
  readonly why?: string;
}

export interface CheckOptions {
  readonly engine: ImageEngine;
  /** True when the cache has a mirror of the repository that holds the commit. */
  readonly hasCommit: (repo: string, commit: string) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Looks for the image of an instance in the order in which an evaluation does, and compares one of ours with its recipe. */
export async function checkImage(
  { instanceId, images, recipe, noRecipe }: EvalSpec,
  { engine, hasCommit, signal }: CheckOptions,
): Promise<ImageCheck> {
  for (const ref of images) {
    const found = await engine.inspect(ref, signal);
    if (found === undefined) continue;
    const why = isPublished(ref) || recipe === undefined ? undefined : mismatch(found.labels, recipe);
    const state = isPublished(ref) ? 'published' : why === undefined ? 'built' : 'stale';
    return { instanceId, image: ref, state, ...(why === undefined ? {} : { why }) };
  }
  if (recipe === undefined) return { instanceId, state: 'missing', why: noRecipe ?? 'no recipe' };
  const { environment, source } = recipe;
  const tag = environmentTag(environment);
  if ((await engine.inspect(tag, signal)) === undefined)
    return { instanceId, state: 'missing', why: `no environment image ${tag}` };
  if (source.kind === 'git' && !(await hasCommit(source.repo, source.commit)))
    return {
      instanceId,
      state: 'missing',
      why: `no mirror of ${source.repo} with ${source.commit} in the cache`,
    };
  return { instanceId, state: 'buildable' };
}

/** How the labels of an image of ours differ from its recipe. */
function mismatch(
  labels: Readonly<Record<string, string>>,
  { environment, source }: ImageRecipe,
): string | undefined {
  const key = environmentKey(environment);
  const own = labels[LABEL.environment];
  if (own !== key)
    return `built on environment ${own?.slice(0, 16) ?? '(none)'}, the recipe asks for ${key.slice(0, 16)}`;
  const commit = labels[LABEL.commit];
  if (source.kind === 'git' && commit !== source.commit)
    return `built of commit ${commit ?? '(none)'}, the recipe asks for ${source.commit}`;
  return undefined;
}

/** True when the cache's mirror of a repository holds a commit; nothing is fetched. */
export async function mirrorHolds(options: {
  readonly cacheDir: string;
  readonly repo: string;
  readonly commit: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { cacheDir, repo, commit, signal } = options;
  const repository = mirrorPath(cacheDir, repo);
  const found = gitText({ repository, signal, args: ['cat-file', '-e', `${commit}^{commit}`] });
  return found.then(
    () => true,
    () => false,
  );
}
