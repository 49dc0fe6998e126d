import type { Readable } from 'node:stream';

/** A file to put into a container; `path` is absolute inside it. */
export interface FileEntry {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Octal permission bits, default 0o644. */
  readonly mode?: number;
}

/** Limits of a container. Absent means the engine's own default. */
export interface SandboxLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  readonly network: boolean;
  readonly capAdd: readonly string[];
}

export interface ContainerSpec {
  readonly image: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
}

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly workdir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Receives output in the order of writing (both streams share a pipe, which is `stdout`); a returned promise is back-pressure. */
  readonly onOutput: (chunk: Uint8Array, stream: 'stdout' | 'stderr') => void | Promise<void>;
}

export interface ExecResult {
  /** From the engine's inspect, never from the output. */
  readonly exitCode: number;
  /** The engine says that the kernel killed a process of the container for memory. */
  readonly oomKilled: boolean;
}

/** A started container. Every method rejects with AssayError; after `destroy` none may be called. */
export interface Container {
  readonly id: string;
  put(files: readonly FileEntry[], signal: AbortSignal): Promise<void>;
  exec(request: ExecRequest): Promise<ExecResult>;
  /** Kills everything inside and removes the container; safe to call twice; never throws on "already gone". */
  destroy(): Promise<void>;
}

export interface ContainerEngine {
  /** Creates and starts; on failure nothing is left behind. */
  start(spec: ContainerSpec, signal: AbortSignal): Promise<Container>;
  /** Removes containers that carry all the given labels and for which `isOrphan(labels)` holds; returns their ids. */
  reap(
    labels: Readonly<Record<string, string>>,
    isOrphan: (labels: Readonly<Record<string, string>>) => boolean,
  ): Promise<readonly string[]>;
}

export interface ImageInfo {
  /** Name it was asked by. */
  readonly ref: string;
  /** Content digest, `sha256:...`: repo digest where there is one, else the image id. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface BuildRequest {
  /** Tar of the build context, holding a Dockerfile. */
  readonly context: Readable;
  readonly tag: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onLog: (line: string) => void;
  /** Network during RUN steps, default true. */
  readonly network?: boolean;
}

export interface ImageEngine {
  /** Undefined when the image isn't there. */
  inspect(ref: string, signal: AbortSignal): Promise<ImageInfo | undefined>;
  pull(
    ref: string,
    options: { signal: AbortSignal; onProgress?: (line: string) => void },
  ): Promise<ImageInfo>;
  build(request: BuildRequest): Promise<ImageInfo>;
  list(labels: Readonly<Record<string, string>>): Promise<readonly ImageInfo[]>;
  remove(ref: string): Promise<void>;
}

export interface EngineInfo {
  /** e.g. `docker 20.10.24`, `local`. */
  readonly version: string;
  /** What separates a patch from this machine, for people: e.g. `container, no network`, `bubblewrap`, `process group only`. */
  readonly isolation: string;
  /** False when a stranger's code could read or change this machine's files or reach the network. */
  readonly isolated: boolean;
  readonly cpus: number;
  /** Free memory in bytes. */
  readonly freeMemoryBytes: number;
}

/** One way to run containers. `engine/docker` and `engine/local` are the two. */
export interface Engine {
  readonly name: 'docker' | 'local';
  readonly images: ImageEngine;
  readonly containers: ContainerEngine;
  info(): Promise<EngineInfo>;
  close(): Promise<void>;
}
