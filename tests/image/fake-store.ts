import type { ImageEngine, ImageInfo } from '../../src/engine/engine.js';
import { AssayError } from '../../src/errors.js';
import { sha256 } from '../../src/util/hash.js';
import { imageInfo } from '../helpers/fake-engine.js';

export interface FakeImage {
  /** Default: of its name. Two names with one id are one image. */
  readonly id?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Bytes by diff id, from the base up. */
  readonly layers?: Readonly<Record<string, number>>;
  readonly digest?: string;
}

interface StoreOptions {
  readonly images?: Readonly<Record<string, FakeImage>>;
  /** Digest by name of what a registry has. */
  readonly registry?: Map<string, string>;
  /** Ids of images of containers. */
  readonly inUse?: ReadonlySet<string>;
  /** Names that the engine won't remove. */
  readonly stuck?: ReadonlySet<string>;
  /** Called before each pull; may throw. */
  readonly onPull?: (ref: string) => void;
}

/** Images in memory, and a registry to pull from; tells what was done. */
export function fakeStore(options: StoreOptions = {}) {
  const { registry = new Map<string, string>(), inUse = new Set(), stuck = new Set(), onPull } = options;
  const images = new Map<string, FakeImage>(Object.entries(options.images ?? {}));
  const pulled: string[] = [];
  const removed: string[] = [];
  const idOf = (ref: string) => images.get(ref)?.id ?? `sha256:${sha256(ref)}`;
  const infoOf = (ref: string, { labels = {}, layers = {}, digest }: FakeImage): ImageInfo => ({
    ...imageInfo(ref, idOf(ref), labels),
    digest: digest ?? idOf(ref),
    layers: Object.keys(layers),
  });
  const inspect = async (ref: string) => {
    const found = images.get(ref);
    return found === undefined ? undefined : infoOf(ref, found);
  };
  const unsupported = async (): Promise<never> => {
    throw new Error('the fake store does not do this');
  };
  const engine: ImageEngine = {
    inspect,
    async pull(ref) {
      pulled.push(ref);
      onPull?.(ref);
      const [name = '', exact] = ref.split('@');
      const found = [...registry].find(([key, digest]) =>
        exact === undefined ? key === ref : key.startsWith(`${name}:`) && digest === exact,
      );
      if (found === undefined) throw new AssayError('image_missing', `no ${ref} in the registry`);
      images.set(ref, { digest: found[1] });
      return infoOf(ref, { digest: found[1] });
    },
    load: unsupported,
    push: unsupported,
    save: unsupported,
    async tag(ref, as) {
      images.set(as, { ...images.get(ref), id: idOf(ref) });
    },
    async layerSizes(ref) {
      return Object.entries(images.get(ref)?.layers ?? {}).map(([diffId, bytes]) => ({ diffId, bytes }));
    },
    inUse: async () => inUse,
    async list(labels) {
      return [...images]
        .filter(([, image]) => Object.entries(labels).every(([key, value]) => image.labels?.[key] === value))
        .map(([ref, image]) => infoOf(ref, image));
    },
    async remove(ref) {
      if (stuck.has(ref)) return false;
      removed.push(ref);
      return images.delete(ref);
    },
  };
  return { ...engine, pulled, removed, names: () => [...images.keys()], images };
}
