import type { ImageEngine, ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { EvalSpec } from '../model/eval-spec.js';

interface ResolveOptions {
  readonly engine: ImageEngine;
  readonly signal: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/**
 * The first of the spec's images that is there, else the published one is pulled. A name without a namespace is only ever a local image:
 * pulling it would fetch a stranger's image of that name from Docker Hub.
 */
export async function resolveImage(
  spec: Pick<EvalSpec, 'instanceId' | 'images'>,
  options: ResolveOptions,
): Promise<ImageInfo> {
  const { engine, signal } = options;
  for (const ref of spec.images) {
    const found = await engine.inspect(ref, signal);
    if (found !== undefined) return found;
  }
  const published = spec.images.find((ref) => ref.includes('/'));
  if (published === undefined)
    throw new AssayError('image_missing', `${spec.instanceId}: no image ${spec.images.join(' or ')}`);
  return engine.pull(published, options);
}

interface BaseOptions extends ResolveOptions {
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
