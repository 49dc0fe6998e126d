import type { ImageEngine, ListedImage } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { sha256 } from '../util/hash.js';
import { mapLimit } from '../util/pool.js';
import { LABEL } from './labels.js';

/** `published`: pulled by us from a registry. */
export type ImageKind = (typeof KINDS)[number] | 'published';

/** Kinds of images that we build, from the top down. */
const KINDS = ['instance', 'repository', 'environment', 'interpreter', 'system'] as const;

/** A layer where it lies: the same difference on two images is two layers on disk. */
interface StoredLayer {
  /** Hash of the differences from the base up to this one. */
  readonly chain: string;
  readonly bytes: number;
}

/** An image that we made or pulled. */
export interface StoredImage {
  /** `sha256:...` of its configuration. */
  readonly id: string;
  readonly kind: ImageKind;
  /** None for one whose name a later build took. */
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** From the base up. */
  readonly layers: readonly StoredLayer[];
  /** Milliseconds since the epoch; undefined when we don't know. */
  readonly lastUsed?: number;
  /** A container, running or not, is of it. */
  readonly inUse: boolean;
}

/** Layers of images by id: an id stands for the same layers for ever. */
export type LayerMemory = Map<string, readonly StoredLayer[]>;

export interface UsageOptions {
  readonly engine: ImageEngine;
  /** When images were used last, by name, in milliseconds since the epoch. */
  readonly uses: ReadonlyMap<string, number>;
  /** Names of published images to count in. */
  readonly published: readonly string[];
  /** Only images that carry these labels too. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Spares questions when it is passed again. */
  readonly memory?: LayerMemory;
  readonly signal: AbortSignal;
}

/** Questions to the engine at once. */
const PARALLEL = 4;

/** The images of ours that the engine has, and of the named published ones those that are there. */
export async function storedImages(options: UsageOptions): Promise<readonly StoredImage[]> {
  const { engine, uses, published, labels = {}, memory = new Map(), signal } = options;
  const inUse = await engine.inUse(signal);
  const byId = new Map<string, { kind: ImageKind; names: string[]; listed: ListedImage }>();
  const add = (kind: ImageKind, listed: ListedImage) => {
    const { id, ref } = listed;
    const entry = byId.get(id) ?? { kind, names: [], listed };
    if (ref !== id && !entry.names.includes(ref)) entry.names.push(ref);
    byId.set(id, entry);
  };
  for (const kind of KINDS)
    for (const listed of await engine.list({ ...labels, [LABEL.kind]: kind })) add(kind, listed);
  await mapLimit(published, PARALLEL, async (ref) => {
    const found = await engine.inspect(ref, signal);
    if (found !== undefined) add('published', found);
  });
  const images = await mapLimit([...byId.values()], PARALLEL, async ({ kind, names, listed }) => {
    const { id, ref, labels: own } = listed;
    const layers = memory.get(id) ?? (await layersOf(engine, { ref, kind, signal, listed }));
    if (layers === undefined) return [];
    memory.set(id, layers);
    const times = names.flatMap((name) => uses.get(name) ?? []);
    const lastUsed = times.length === 0 ? {} : { lastUsed: Math.max(...times) };
    return [{ id, kind, names, labels: own, layers, ...lastUsed, inUse: inUse.has(id) }];
  });
  return images.flat();
}

interface LayersOptions {
  readonly ref: string;
  readonly kind: ImageKind;
  readonly listed: ListedImage;
  readonly signal: AbortSignal;
}

/** Layers of an image; undefined when it went since it was listed. */
async function layersOf(
  engine: ImageEngine,
  { ref, kind, listed, signal }: LayersOptions,
): Promise<readonly StoredLayer[] | undefined> {
  try {
    return chained(await engine.layerSizes(ref, signal));
  } catch (error) {
    if (error instanceof AssayError && error.code === 'image_missing') return undefined;
    // The history of a stranger's image may not tell: then it shares nothing, as far as we know.
    if (kind !== 'published') throw error;
    return [{ chain: listed.id, bytes: listed.sizeBytes }];
  }
}

/** Layers with the hash of all that is below them. */
export function chained(layers: readonly { readonly diffId: string; readonly bytes: number }[]) {
  let chain = '';
  return layers.map(({ diffId, bytes }): StoredLayer => {
    chain = sha256(`${chain} ${diffId}`);
    return { chain, bytes };
  });
}

/** How many layers an environment, or what it stands on, adds to its base image: packages, interpreter, system packages. */
export function layersOnBase(labels: Readonly<Record<string, string>>): number {
  const { [LABEL.kind]: kind, [LABEL.system]: system, [LABEL.python]: python } = labels;
  return [kind === 'environment', python !== undefined, system !== undefined].filter(Boolean).length;
}

/** Chains of the base images, which are not ours, as far as environments tell what they stand on. */
export function baseChains(images: readonly StoredImage[]): ReadonlySet<string> {
  return new Set(
    images
      .filter(({ kind }) => kind === 'environment' || kind === 'interpreter' || kind === 'system')
      .flatMap(({ layers, labels }) => layers.slice(0, -layersOnBase(labels)).map(({ chain }) => chain)),
  );
}

/** Bytes on disk: each layer once, without those of `except`. */
export function uniqueBytes(images: readonly StoredImage[], except: ReadonlySet<string> = new Set()): number {
  const layers = new Map(images.flatMap((image) => image.layers).map(({ chain, bytes }) => [chain, bytes]));
  let sum = 0;
  for (const [chain, bytes] of layers) if (!except.has(chain)) sum += bytes;
  return sum;
}

/** How many of the images hold each layer, by chain. */
export function layerUses(images: readonly StoredImage[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { layers } of images)
    for (const { chain } of layers) uses.set(chain, (uses.get(chain) ?? 0) + 1);
  return uses;
}

/** Bytes that removing an image would free, by what `layerUses` counted with it, without the layers of `except`. */
export function ownBytes(
  { layers }: StoredImage,
  uses: ReadonlyMap<string, number>,
  except: ReadonlySet<string>,
): number {
  return layers
    .filter(({ chain }) => uses.get(chain) === 1 && !except.has(chain))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
