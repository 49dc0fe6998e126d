import {
  baseChains,
  layerUses,
  ownBytes,
  type StoredImage,
  storedImages,
  type UsageOptions,
  uniqueBytes,
} from './usage.js';
import { imageDigests, imageUses, type StateOptions } from './usage-state.js';

/** In which order kinds go. */
const RANK = { published: 0, instance: 0, repository: 1, environment: 2, interpreter: 3, system: 4 } as const;

export interface PruneChoice {
  readonly keepBytes: number;
  /** True for an image that must stay. */
  readonly isKept: (image: StoredImage) => boolean;
}

/** An image to remove, and what that frees once those before it are gone. */
interface Victim {
  readonly image: StoredImage;
  readonly freedBytes: number;
}

/** What to remove, and what is left then, in bytes of layers that no base image has. */
export interface PrunePlan {
  readonly victims: readonly Victim[];
  readonly leftBytes: number;
}

/**
 * Which images to remove, in order, until those that are left hold at most `keepBytes`: replaced ones first, then the least recently used
 * instances, then repository images that no instance stands on, then environments and what they stand on. Never one in use or stood on.
 */
export function choosePrune(images: readonly StoredImage[], { keepBytes, isKept }: PruneChoice): PrunePlan {
  const base = baseChains(images);
  const uses = layerUses(images);
  const candidates = images.filter((image) => !image.inUse && !isKept(image)).sort(byTurn);
  const victims: Victim[] = [];
  let leftBytes = uniqueBytes(images, base);
  while (leftBytes > keepBytes) {
    const at = candidates.findIndex((image) => isTop(image, uses));
    const [image] = at === -1 ? [] : candidates.splice(at, 1);
    if (image === undefined) break;
    const freedBytes = ownBytes(image, uses, base);
    for (const { chain } of image.layers) uses.set(chain, (uses.get(chain) ?? 0) - 1);
    leftBytes -= freedBytes;
    victims.push({ image, freedBytes });
  }
  return { victims, leftBytes };
}

function byTurn(a: StoredImage, b: StoredImage): number {
  const rank = ({ names, kind }: StoredImage) => (names.length === 0 ? -1 : RANK[kind]);
  return (
    rank(a) - rank(b) ||
    (a.lastUsed ?? 0) - (b.lastUsed ?? 0) ||
    ((a.names[0] ?? a.id) < (b.names[0] ?? b.id) ? -1 : 1)
  );
}

/** True when no other image stands on it. */
function isTop({ layers }: StoredImage, uses: ReadonlyMap<string, number>): boolean {
  return (uses.get(layers.at(-1)?.chain ?? '') ?? 0) <= 1;
}

export interface PruneOptions extends StateOptions, Omit<UsageOptions, 'uses' | 'published'> {
  readonly keepBytes: number;
  /** Also published images that we pulled. */
  readonly published: boolean;
  /** Names of images that must stay, and what they stand on. */
  readonly protect: ReadonlySet<string>;
  /** Say what would go, and remove nothing. */
  readonly dryRun: boolean;
  /** Start of the names that we give; an image that has any other one stays. */
  readonly prefix?: string;
}

export interface Pruned {
  readonly removed: readonly {
    /** Its name, or its id when it has none. */
    readonly ref: string;
    readonly kind: StoredImage['kind'];
    readonly freedBytes: number;
  }[];
  /** Bytes of the images that are left; may be above what was asked for. */
  readonly leftBytes: number;
}

/** Removes images until what we keep is at most `keepBytes`; an image that the engine won't give up, as a container needs it, stays. */
export async function pruneImages(options: PruneOptions): Promise<Pruned> {
  const { engine, keepBytes, protect, dryRun, prefix = 'assay.', signal } = options;
  const uses = imageUses(options);
  const published = options.published ? [...(await imageDigests(options).read()).keys()] : [];
  let images = await storedImages({ ...options, uses: await uses.read(), published });
  const kept = new Set<string>();
  const isKept = ({ id, kind, names }: StoredImage) =>
    kept.has(id) ||
    names.some(
      (name) =>
        protect.has(name) || !(kind === 'published' ? published.includes(name) : name.startsWith(prefix)),
    );
  const removed: { ref: string; kind: StoredImage['kind']; freedBytes: number }[] = [];
  for (;;) {
    const { victims, leftBytes } = choosePrune(images, { keepBytes, isKept });
    const before = kept.size;
    for (const { image, freedBytes } of victims) {
      signal.throwIfAborted();
      const refs = image.names.length === 0 ? [image.id] : image.names;
      const gone = dryRun || (await removeAll(engine, refs));
      if (!gone) {
        kept.add(image.id);
        break; // what stands in line after it frees less than was thought
      }
      images = images.filter(({ id }) => id !== image.id);
      removed.push({ ref: refs[0] as string, kind: image.kind, freedBytes });
    }
    if (kept.size > before) continue;
    if (!dryRun && removed.length > 0)
      await uses.update(signal, (entries) => {
        for (const { ref } of removed) entries.delete(ref);
      });
    return { removed, leftBytes };
  }
}

async function removeAll(engine: UsageOptions['engine'], refs: readonly string[]): Promise<boolean> {
  for (const ref of refs) if (!(await engine.remove(ref))) return false;
  return true;
}
