import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type { BuildRequest, ImageEngine, ImageInfo } from '../../src/engine/engine.js';
import { sha256 } from '../../src/util/hash.js';
import { imageInfo } from '../helpers/fake-engine.js';

/** A build that the fake was asked for, with its context read. */
export type SeenBuild = Omit<BuildRequest, 'context'> & {
  readonly files: ReadonlyMap<string, { readonly text: string; readonly header: object }>;
  readonly contextSha256: string;
};

interface FakeOptions {
  readonly present?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** Called for each build; may throw. */
  readonly onBuild?: (build: SeenBuild) => void;
}

/** Images in memory: what is built or pulled is there afterwards. */
export function fakeImages({ present = [], labels = {}, onBuild = () => {} }: FakeOptions) {
  const images = new Map<string, ImageInfo>();
  const pulled: string[] = [];
  const builds: SeenBuild[] = [];
  const add = (ref: string, own: Readonly<Record<string, string>>): ImageInfo => {
    const info = imageInfo(ref, `sha256:${sha256(ref)}`, own);
    images.set(ref, info);
    return info;
  };
  for (const ref of present) add(ref, labels);
  const unsupported = async (): Promise<never> => {
    throw new Error('the fake images are only built and pulled');
  };
  const engine: ImageEngine = {
    inspect: async (ref) => images.get(ref),
    pull: async (ref) => {
      pulled.push(ref);
      return add(ref, {});
    },
    build: async ({ context, ...request }) => {
      const bytes = await buffer(context);
      const build = { ...request, files: await untar(bytes), contextSha256: sha256(bytes) };
      builds.push(build);
      request.onLog('Step 1/1');
      onBuild(build);
      return add(request.tag, request.labels ?? {});
    },
    load: unsupported,
    push: unsupported,
    tag: unsupported,
    save: unsupported,
    layerSizes: unsupported,
    inUse: async () => new Set(),
    list: async () => [...images.values()],
    remove: async (ref) => images.delete(ref) || true,
  };
  return { ...engine, pulled, builds };
}

async function untar(bytes: Uint8Array): Promise<SeenBuild['files']> {
  const files = new Map<string, { text: string; header: object }>();
  const tar = extract();
  tar.end(bytes);
  for await (const entry of tar) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    files.set(entry.header.name, { text: Buffer.concat(chunks).toString(), header: entry.header });
  }
  return files;
}
