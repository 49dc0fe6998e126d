import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type {
  Container,
  ContainerEngine,
  ContainerSpec,
  ImageEngine,
  ImageInfo,
} from '../../src/engine/engine.js';
import { entriesTar, type LayerEntry } from '../../src/image/layer.js';
import { sha256 } from '../../src/util/hash.js';
import { imageInfo } from '../helpers/fake-engine.js';

interface FakeRun {
  readonly output?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
}

interface FakeOptions {
  /** Called when an archive comes, in the middle of it and after it; may throw. */
  readonly onLoad?: (when: 'before' | 'half' | 'after') => void | Promise<void>;
  /** What a script of a build does: its output, and the code it ends with. */
  readonly onRun?: (
    script: string,
    spec: ContainerSpec,
    signal: AbortSignal,
  ) => FakeRun | undefined | Promise<FakeRun | undefined>;
  /** What scripts wrote. */
  readonly written?: readonly LayerEntry[];
  readonly onDestroy?: () => void | Promise<void>;
}

/** An engine in memory that images are built with: scripts do what the test says, and what is loaded is there afterwards. */
export function fakeBuilds({ onLoad, onRun, written = [], onDestroy }: FakeOptions = {}) {
  const held = new Map<string, ImageInfo>();
  const loaded: string[] = [];
  const alive = new Set<string>();
  const unsupported = async (): Promise<never> => {
    throw new Error('no build asks for this');
  };

  const images: ImageEngine = {
    inspect: async (ref) => held.get(ref),
    async load(archive) {
      try {
        await onLoad?.('before');
        const files = await untar(archive, () => onLoad?.('half'));
        const [manifest] = JSON.parse(String(files.get('manifest.json'))) as [
          { Config: string; RepoTags: [string] },
        ];
        const json = files.get(manifest.Config) as Buffer;
        const { config, rootfs } = JSON.parse(json.toString());
        const [ref] = manifest.RepoTags;
        held.set(ref, {
          ...imageInfo(ref, `sha256:${sha256(json)}`, config.Labels),
          layers: rootfs.diff_ids,
        });
        loaded.push(ref);
        await onLoad?.('after');
      } finally {
        archive.destroy();
      }
    },
    list: async (labels) =>
      [...held.values()].filter((image) =>
        Object.entries(labels).every(([name, value]) => image.labels[name] === value),
      ),
    pull: unsupported,
    push: unsupported,
    tag: unsupported,
    save: unsupported,
    layerSizes: unsupported,
    inUse: async () => new Set(),
    remove: async (ref) => held.delete(ref) || true,
  };

  const containers: ContainerEngine = {
    async start(spec, signal) {
      signal.throwIfAborted();
      const id = `${spec.name} ${alive.size}`;
      alive.add(id);
      return containerOf(id, spec);
    },
    reap: async () => [],
  };

  function containerOf(id: string, spec: ContainerSpec): Container {
    const files = new Map<string, string>();
    let reading: Readable | undefined;
    const open = (tar: Readable) => {
      reading = tar;
      return tar;
    };
    return {
      id,
      put: unsupported,
      async putArchive(tar) {
        for (const [name, content] of await untar(tar)) files.set(`/${name}`, content.toString());
      },
      async exec({ argv, signal, onOutput }) {
        signal.throwIfAborted();
        if (reading?.readableEnded === false)
          throw new Error('an engine waits for ever here: it locks a container while a file of it is read');
        const script = argv[1] === '/.assay/run.sh' ? files.get('/.assay/script.sh') : undefined;
        const run = script === undefined ? undefined : await onRun?.(script, spec, signal);
        if (run?.output !== undefined) await onOutput(Buffer.from(run.output));
        return { exitCode: run?.exitCode ?? 0, oomKilled: run?.oomKilled ?? false };
      },
      async read(path) {
        const content = await buffer(entriesTar(written));
        const name = path.split('/').at(-1) ?? '';
        if (name !== 'changes') return open(entriesTar([{ path: name, kind: 'file', content }]));
        return open(
          entriesTar([
            { path: `${name}/deleted`, kind: 'file', content: '' },
            { path: `${name}/written.tar`, kind: 'file', content },
          ]),
        );
      },
      isOverDisk: async () => false,
      isDiskFull: async () => false,
      isBusy: async () => true,
      async destroy() {
        await onDestroy?.();
        alive.delete(id);
      },
    };
  }
  return { images, containers, loaded, alive, refs: () => [...held.keys()] };
}

async function untar(tar: Readable, onEntry: () => void | Promise<void> = () => {}) {
  const files = new Map<string, Buffer>();
  for await (const entry of tar.pipe(extract())) {
    files.set(entry.header.name, await buffer(entry));
    await onEntry();
  }
  return files;
}
