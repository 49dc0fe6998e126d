import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Container, ContainerEngine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { comparePaths, entriesTar, foldersOf, type LayerEntry, ordered, readEntries } from './layer.js';

/** Where a session keeps its own files; never in a layer. */
export const ASSAY_DIR = '.assay';

/** What is no part of a layer: other file systems, what the engine mounts, caches and logs. */
const NOT_IN_LAYERS = [
  ...[ASSAY_DIR, 'proc', 'sys', 'dev', 'run', 'tmp', 'var/tmp', 'var/cache', 'var/log', 'var/lib/apt/lists'],
  ...['root/.cache', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf'],
];

/** No limits: what runs are the recipe's own commands. */
const UNLIMITED = { memoryBytes: 0, cpus: 0, pids: 0, network: true, capAdd: [] } as const;

export interface SessionOptions {
  readonly containers: ContainerEngine;
  /** Labels that tell whose container it is. */
  readonly labels: Readonly<Record<string, string>>;
  /** Image to start from. */
  readonly image: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** A container in which the commands of a recipe run, to see what they change. */
export interface Session {
  put(entries: readonly LayerEntry[]): Promise<void>;
  /** Deletes files and folders: absolute paths, each ended by a zero byte, are in a file. */
  remove(list: string): Promise<void>;
  /** From now on, what is written counts as changed. */
  mark(): Promise<void>;
  /** Runs a bash script as root; rejects with `image_build_failed` that names the command it stopped at. */
  run(script: string): Promise<void>;
  /** Text of a file. */
  text(path: string): Promise<string>;
  /** What was written since `mark`, in the order of a layer, and what is gone from the image. */
  changes(): Promise<{
    readonly written: AsyncIterable<LayerEntry>;
    readonly deleted: readonly string[];
  }>;
}

/** Starts a container, lets `work` use it, and removes it. */
export async function withSession<T>(
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { containers, labels, image, name, signal } = options;
  const container = await containers.start({ image, name, labels, limits: UNLIMITED }, signal);
  try {
    return await work(sessionOf(container, options));
  } finally {
    await container.destroy();
  }
}

function sessionOf(container: Container, { signal, onLine, image }: SessionOptions): Session {
  async function capture(argv: readonly string[]): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    const { exitCode } = await container.exec({ argv, signal, onOutput: (chunk) => void chunks.push(chunk) });
    const output = Buffer.concat(chunks);
    if (exitCode !== 0)
      throw new AssayError(
        'image_build_failed',
        `in a container of ${image}: ${argv[0]} ended with ${exitCode}`,
        {
          detail: output.subarray(-2000).toString(),
        },
      );
    return output;
  }
  const put = (entries: readonly LayerEntry[]) => container.putArchive(entriesTar(ordered(entries)), signal);

  return {
    put,
    async remove(list) {
      await capture(['bash', '-c', `xargs -0 -r rm -rf -- </${list}`]);
    },
    async mark() {
      await capture(['touch', `/${ASSAY_DIR}/mark`]);
    },
    async run(script) {
      await put([{ path: `${ASSAY_DIR}/run.sh`, kind: 'file', content: script }]);
      const lines = lineReader(onLine);
      const { exitCode, oomKilled } = await container.exec({
        argv: ['bash', `/${ASSAY_DIR}/run.sh`],
        signal,
        onOutput: (chunk) => lines.write(chunk),
      });
      lines.end();
      if (exitCode === 0) return;
      const why = oomKilled ? ', out of memory' : '';
      throw new AssayError('image_build_failed', `\`${lines.command()}\` ended with code ${exitCode}${why}`, {
        detail: lines.last(),
      });
    },
    async text(path) {
      return (await capture(['cat', path])).toString();
    },
    async changes() {
      const found = await capture(['bash', '-c', findChanged()]);
      const paths = found
        .toString()
        .split('\0')
        .filter((path) => path !== '' && path !== '/')
        .map((path) => path.slice(1));
      const listed = [...new Set([...paths, ...foldersOf(paths)])].sort(comparePaths);
      await put([{ path: `${ASSAY_DIR}/list`, kind: 'file', content: listed.join('\0') }]);
      const tar = `/${ASSAY_DIR}/changes.tar`;
      const flags = [
        '--null',
        '--no-recursion',
        '--hard-dereference',
        '--format=posix',
        '--verbatim-files-from',
      ];
      await capture(['tar', '-C', '/', ...flags, '-T', `/${ASSAY_DIR}/list`, '-cf', tar]);
      const all = await container.changes(signal);
      const deleted = all.filter(({ kind }) => kind === 'deleted').map(({ path }) => path.slice(1));
      return {
        written: readEntries(onlyEntry(await container.read(tar, signal))),
        deleted: topmost(deleted.filter((path) => !isExcluded(path))),
      };
    },
  };
}

function findChanged(): string {
  const pruned = NOT_IN_LAYERS.map((path) => `-path /${path}`).join(' -o ');
  return `find / -xdev \\( ${pruned} -o -name __pycache__ \\) -prune -o ! -name '*.pyc' -cnewer /${ASSAY_DIR}/mark -print0 2>/dev/null; true`;
}

function isExcluded(path: string): boolean {
  return (
    NOT_IN_LAYERS.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)) ||
    /(^|\/)__pycache__(\/|$)|\.pyc$/.test(path)
  );
}

/** Without what lies below another one. */
function topmost(paths: readonly string[]): readonly string[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    for (const folder of foldersOf([path])) if (all.has(folder)) return false;
    return true;
  });
}

/** The content of the first file of a tar. */
function onlyEntry(tar: Readable): Readable {
  async function* content() {
    const reader = extract();
    tar.on('error', (error) => reader.destroy(error));
    tar.pipe(reader);
    for await (const entry of reader) yield* entry as AsyncIterable<Uint8Array>;
  }
  return Readable.from(content());
}

const KEPT_LINES = 20;

/** Cuts output into lines, and remembers the last ones and the last command that `set -x` showed. */
function lineReader(onLine: (line: string) => void) {
  const decoder = new TextDecoder();
  const last: string[] = [];
  let rest = '';
  let command = 'bash';
  const take = (line: string) => {
    if (/^\++ /.test(line)) command = line.replace(/^\++ /, '');
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
    onLine(line);
  };
  return {
    write(chunk: Uint8Array) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      lines.forEach(take);
    },
    end() {
      if (rest !== '') take(rest);
      rest = '';
    },
    command: () => command,
    last: () => last.join('\n'),
  };
}
