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
  /** Cores, also parts of one. */
  readonly cpus: number;
  /** Most processes at once. */
  readonly pids: number;
  readonly network: boolean;
  /** Capabilities beyond the default ones, as Docker names them. */
  readonly capAdd: readonly string[];
  /** Most that its own files may take: `isOverDisk` goes by it. */
  readonly diskBytes?: number;
}

/** A container to start. */
export interface ContainerSpec {
  /** Name or digest of an image that is there. */
  readonly image: string;
  /** Unique on the engine. */
  readonly name: string;
  /** By which `reap` finds it later. */
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  /** Commands run as root, and not as the user that the image names. */
  readonly asRoot?: boolean;
}

/** A command to run in a started container. */
export interface ExecRequest {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** Absolute; default: the image's. */
  readonly workdir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The command's input, which is destroyed when the command is over; absent: none. */
  readonly stdin?: Readable;
  /** Ends the wait; only `destroy` is sure to end the command. */
  readonly signal: AbortSignal;
  /** Receives stdout and stderr, which share a pipe, in the order of writing; a returned promise is back-pressure. */
  readonly onOutput: (chunk: Uint8Array) => void | Promise<void>;
  /** Called when the engine starts the command, unless it does so at once. */
  readonly onStart?: () => void;
}

/** How a command ended. */
export interface ExecResult {
  /** From the engine's inspect, never from the output. */
  readonly exitCode: number;
  /** The engine says that the kernel killed a process of the container for memory. */
  readonly oomKilled: boolean;
}

/** A started container. Every method rejects with AssayError; after `destroy` none may be called. */
export interface Container {
  readonly id: string;
  /** Writes files with their modes. */
  put(files: readonly FileEntry[], signal: AbortSignal): Promise<void>;
  /** Runs a command to its end; an exit code other than 0 is a result, not an error. */
  exec(request: ExecRequest): Promise<ExecResult>;
  /** Whether the command of the last `exec` gets time now: false where it never began, is over, or is paused. */
  isBusy(signal: AbortSignal): Promise<boolean>;
  /** A file or folder as a tar with names from its last path segment on; an archive that is cut off is an error of the stream. */
  read(path: string, signal: AbortSignal): Promise<Readable>;
  /** Unpacks a tar at `/`, with its modes and owners. */
  putArchive(tar: Readable, signal: AbortSignal): Promise<void>;
  /** Whether its own files take more than the limits' `diskBytes`; nothing stops it from writing on. */
  isOverDisk(signal: AbortSignal): Promise<boolean>;
  /** Whether the disk that it writes to has no space left, for whatever reason; false where that can't be told. */
  isDiskFull(signal: AbortSignal): Promise<boolean>;
  /** Kills everything inside and removes the container; safe to call twice; never throws on "already gone". */
  destroy(): Promise<void>;
}

/** What starts containers. Every method rejects with AssayError. */
export interface ContainerEngine {
  /** Creates and starts; on failure nothing is left behind. */
  start(spec: ContainerSpec, signal: AbortSignal): Promise<Container>;
  /** Removes containers that carry all the given labels and for which `isOrphan(labels)` holds; returns their ids. */
  reap(
    labels: Readonly<Record<string, string>>,
    isOrphan: (labels: Readonly<Record<string, string>>) => boolean,
  ): Promise<readonly string[]>;
}

/** How containers of an image start. */
export interface ImageConfig {
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Empty for `/`. */
  readonly workdir: string;
  readonly cmd: readonly string[];
  readonly entrypoint: readonly string[];
  /** Empty for root. */
  readonly user: string;
  /** As Docker names it: `amd64`, `arm64`; empty where the engine doesn't say. */
  readonly architecture: string;
}

/** What a list of images says of each name. */
export interface ListedImage {
  readonly ref: string;
  /** `sha256:...` of the image's configuration. */
  readonly id: string;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly createdAt?: number;
}

/** An image that is there. */
export interface ImageInfo {
  /** Name it was asked by. */
  readonly ref: string;
  /** `sha256:...` of the image's configuration. */
  readonly id: string;
  /** Content digest, `sha256:...`: repo digest where there is one, else the image id. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Diff ids (`sha256:...` of the unpacked tar) from the base up; empty where the engine doesn't say. */
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** Of a pull or push. */
export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Gets what the engine says, line by line. */
  readonly onProgress?: (line: string) => void;
}

/** A layer as it lies on the disk. */
export interface LayerSize {
  /** `sha256:...` of its unpacked tar. */
  readonly diffId: string;
  readonly bytes: number;
}

/** What keeps images. Every method rejects with AssayError. */
export interface ImageEngine {
  /** Undefined when the image isn't there. */
  inspect(ref: string, signal: AbortSignal): Promise<ImageInfo | undefined>;
  /**
   * Rejects with `image_missing`, `image_pull_limited`, or `image_pull_failed` for all else that a registry or network says, with its
   * words; nothing is tagged then. Of a name with `@sha256:...` the digest is checked.
   */
  pull(ref: string, options: TransferOptions): Promise<ImageInfo>;
  /**
   * Sends an image to the registry in its name; what the registry has isn't sent. Rejects with `image_missing`, `image_pull_limited`, or
   * `image_push_failed` for all else that a registry or network says, with its words.
   */
  push(ref: string, options: TransferOptions): Promise<{ readonly digest: string }>;
  /**
   * Takes in the images of a `docker save` archive, which may leave out layers that the engine has. Rejects with `disk_full` or
   * `image_build_failed` and the engine's words; the archive is destroyed in any case.
   */
  load(
    archive: Readable,
    options: { readonly signal: AbortSignal; readonly onLog?: (line: string) => void },
  ): Promise<void>;
  /** One entry per name of the images that carry all these labels. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly ListedImage[]>;
  /** Gives an image a further name. */
  tag(ref: string, as: string): Promise<void>;
  /** An archive of images that `load` takes in, each layer once; one that is cut off is an error of the stream. */
  save(refs: readonly string[], signal: AbortSignal): Promise<Readable>;
  /** Unpacked size of each layer from the base up. Rejects with `engine_failed` where the image's history doesn't tell. */
  layerSizes(ref: string, signal: AbortSignal): Promise<readonly LayerSize[]>;
  /** Ids of the images of all containers, running or not. */
  inUse(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Takes the name away, and the image with its last name. False when a container or another image needs it: it stays. */
  remove(ref: string): Promise<boolean>;
}

/** What an engine says of itself and its machine. */
export interface EngineInfo {
  /** e.g. `docker 20.10.24`, `local`. */
  readonly version: string;
  /** What separates a patch from this machine, for people: e.g. `container, no network`, `bubblewrap`, `process group only`. */
  readonly isolation: string;
  /** False when a stranger's code could read or change this machine's files or reach the network. */
  readonly isolated: boolean;
  /** What the caller should be warned of: a protection that such an engine usually has, and this one lacks. */
  readonly warning?: string;
  /** Cores of the engine's machine. */
  readonly cpus: number;
  /** Free memory in bytes. */
  readonly freeMemoryBytes: number;
}

/** One way to run containers. `engine/docker` and `engine/local` are the two. */
export interface Engine {
  readonly name: 'docker' | 'local';
  readonly images: ImageEngine;
  readonly containers: ContainerEngine;
  /** Rejects with `engine_unavailable` where it can't be reached. */
  info(): Promise<EngineInfo>;
  /** Lets go of what it holds open; nothing may be called afterwards. */
  close(): Promise<void>;
}
