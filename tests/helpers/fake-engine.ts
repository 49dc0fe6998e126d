import type { Container, ContainerSpec, Engine, ExecRequest, FileEntry, ImageInfo } from '../../src/index.js';
import { AssayError } from '../../src/index.js';

/** What a command in a fake container does. `hang` waits for the abort of the request. */
export type Reply =
  | { readonly output?: string | Uint8Array; readonly exitCode?: number; readonly oomKilled?: boolean }
  | { readonly hang: true; readonly output?: string }
  | { readonly fail: AssayError };

export interface FakeEngineOptions {
  readonly images?: Readonly<Record<string, string>>;
  readonly exec?: (
    command: string,
    files: ReadonlyMap<string, string>,
    spec: ContainerSpec,
  ) => Reply | Promise<Reply>;
  /** Called before a container starts; may throw. */
  readonly onStart?: (spec: ContainerSpec, signal: AbortSignal) => void | Promise<void>;
  readonly isDiskFull?: boolean;
  readonly onDestroy?: (spec: ContainerSpec) => void | Promise<void>;
}

export interface FakeEngine extends Engine {
  /** Containers that were started and not destroyed. */
  readonly alive: ReadonlySet<string>;
  /** Specs of all containers ever started. */
  readonly started: readonly ContainerSpec[];
}

/** An image that is nothing but its name, digest and labels. */
export function imageInfo(
  ref: string,
  digest: string,
  labels: Readonly<Record<string, string>> = {},
): ImageInfo {
  const config = { env: [], workdir: '', cmd: [], entrypoint: [], user: '', architecture: '' };
  return { ref, id: digest, digest, sizeBytes: 1, labels, layers: [], config };
}

/** An engine in memory for tests: containers are scripted, nothing runs. */
export function fakeEngine(options: FakeEngineOptions = {}): FakeEngine {
  const alive = new Set<string>();
  const started: ContainerSpec[] = [];
  const images = options.images ?? { 'image:latest': 'sha256:1' };
  const info = (ref: string): ImageInfo | undefined =>
    images[ref] === undefined ? undefined : imageInfo(ref, images[ref]);
  const unsupported = async (): Promise<never> => {
    throw new AssayError('image_missing', 'the fake engine makes no images');
  };
  const container = (spec: ContainerSpec): Container => {
    const id = `c${started.length}`;
    const files = new Map<string, string>();
    alive.add(id);
    return {
      id,
      async put(entries: readonly FileEntry[]) {
        for (const { path, content } of entries)
          files.set(path, typeof content === 'string' ? content : new TextDecoder().decode(content));
      },
      async exec({ argv, signal, onOutput }: ExecRequest) {
        signal.throwIfAborted();
        const reply = (await options.exec?.(argv.join(' '), files, spec)) ?? {};
        if ('fail' in reply) throw reply.fail;
        if (reply.output !== undefined)
          await onOutput(
            typeof reply.output === 'string' ? new TextEncoder().encode(reply.output) : reply.output,
          );
        signal.throwIfAborted();
        if ('hang' in reply)
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          });
        return { exitCode: reply.exitCode ?? 0, oomKilled: reply.oomKilled ?? false };
      },
      read: unsupported,
      putArchive: unsupported,
      isOverDisk: async () => false,
      isDiskFull: async () => options.isDiskFull === true,
      isBusy: async () => true,
      async destroy() {
        await options.onDestroy?.(spec);
        alive.delete(id);
      },
    };
  };
  return {
    name: 'docker',
    alive,
    started,
    images: {
      inspect: async (ref) => info(ref),
      pull: async (ref) => info(ref) ?? unsupported(),
      load: unsupported,
      push: unsupported,
      tag: unsupported,
      save: unsupported,
      layerSizes: unsupported,
      inUse: async () => new Set(),
      list: async () => [],
      remove: async () => true,
    },
    containers: {
      async start(spec, signal) {
        await options.onStart?.(spec, signal);
        signal.throwIfAborted();
        started.push(spec);
        return container(spec);
      },
      reap: async () => [],
    },
    info: async () => ({
      version: 'fake 1',
      isolation: 'nothing runs',
      isolated: true,
      cpus: 4,
      freeMemoryBytes: 16 * 1024 ** 3,
    }),
    close: async () => undefined,
  };
}
