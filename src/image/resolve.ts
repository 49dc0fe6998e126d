import type { ImageEngine, ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { EvalSpec, ImageRecipe } from '../model/eval-spec.js';
import type { Puller } from './pull.js';

export interface ResolveOptions {
  readonly engine: ImageEngine;
  readonly signal: AbortSignal;
  /** Gets published images; by default plainly from the engine. */
  readonly puller?: Puller;
  /** Builds the image of a recipe, or gives undefined when it can't be built here. */
  readonly build?: (recipe: ImageRecipe, signal: AbortSignal) => Promise<ImageInfo | undefined>;
  /** Build it whatever is there; one that is what the recipe asks for is used as it is. */
  readonly alwaysBuild?: boolean;
  /** Called before an image is built or pulled that is not there. */
  readonly beforeFurther?: (signal: AbortSignal) => Promise<void>;
}

/** True for a name that is pulled. One without a namespace is only ever a local image: on Docker Hub it would be a stranger's. */
export function isPublished(ref: string): boolean {
  return ref.includes('/');
}

/** The first of the spec's images that is there, else one that is built, else the published one is pulled. */
export async function resolveImage(
  { instanceId, images, recipe }: Pick<EvalSpec, 'instanceId' | 'images' | 'recipe'>,
  options: ResolveOptions,
): Promise<ImageInfo> {
  const { engine, signal, puller, build, alwaysBuild = false, beforeFurther } = options;
  const mustBuild = alwaysBuild && recipe !== undefined;
  for (const ref of images) {
    const found = await engine.inspect(ref, signal);
    if (found === undefined || (mustBuild && isPublished(ref))) continue;
    if (mustBuild) return (await build?.(recipe, signal)) ?? found;
    return puller !== undefined && isPublished(ref) ? puller.check(found) : found;
  }
  await beforeFurther?.(signal);
  const built = recipe === undefined ? undefined : await build?.(recipe, signal);
  if (built !== undefined) return built;
  const published = images.find(isPublished);
  if (published === undefined)
    throw new AssayError('image_missing', `${instanceId}: no image ${images.join(' or ')}`);
  return puller?.pull(published, signal) ?? engine.pull(published, { signal });
}

interface BaseOptions extends Pick<ResolveOptions, 'engine' | 'signal'> {
  /** `IMAGE`, or `VERSION=IMAGE` for recipes that ask for that Python, e.g. `3.9=assay-base:py39`. */
  readonly bases: readonly string[];
  readonly python?: string;
}

/** The local base image for a Python version; rejects with `image_missing` and how to make one. */
export async function ensureBase({ bases, python, engine, signal }: BaseOptions): Promise<ImageInfo> {
  const own = bases.find((base) => python !== undefined && base.startsWith(`${python}=`));
  const ref = own?.slice(own.indexOf('=') + 1) ?? bases.find((base) => !base.includes('='));
  if (ref === undefined)
    throw new AssayError('usage', `no base image for Python ${python ?? '(none)'} among ${bases.join(', ')}`);
  const found = await engine.inspect(ref, signal);
  if (found !== undefined) return found;
  throw new AssayError(
    'image_missing',
    `no base image ${ref}; make one with scripts/make-base.sh ${ref}, or docker pull it`,
  );
}
