import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { Container, ContainerEngine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { entriesTar, foldersOf, type LayerEntry, ordered, readEntries } from './layer.js';

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
  /** Called with a container whose removal nobody needs to wait for. */
  readonly discard: (container: Container) => void;
}

/** A container in which the commands of a recipe run, to see what they change. */
export interface Session {
  /** Puts files; deletions are done by the next `run`, before its script. */
  put(entries: readonly LayerEntry[]): Promise<void>;
  /**
   * Runs a bash script as root; what is written from its start on counts as changed. Rejects with `image_build_failed` that names the command
   * it stopped at.
   */
  run(script: string): Promise<void>;
  /** Text of a file. */
  text(path: string): Promise<string>;
  /** A tar of what `find` prints for the arguments, its parts ended by zero bytes. */
  archive(find: string): Promise<Readable>;
  /** What was written since the first `run`, in the order of a layer, and what is gone from the image. */
  changes(): Promise<{
    readonly written: AsyncIterable<LayerEntry>;
    readonly deleted: readonly string[];
  }>;
}

/** Starts a container, lets `work` use it, and discards it. */
export async function withSession<T>(
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { containers, labels, image, name, signal } = options;
  const container = await containers.start({ image, name, labels, limits: UNLIMITED }, signal);
  try {
    return await work(sessionOf(container, options));
  } finally {
    options.discard(container);
  }
}

function sessionOf(container: Container, { signal, onLine, image }: SessionOptions): Session {
  const gone: string[] = [];

  async function capture(argv: readonly string[]): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    const { exitCode } = await container.exec({
      argv,
      signal,
      onOutput: (chunk) => void chunks.push(chunk),
    });
    const output = Buffer.concat(chunks);
    if (exitCode === 0) return output;
    throw new AssayError(
      'image_build_failed',
      `in a container of ${image}: ${argv[0]} ended with ${exitCode}`,
      { detail: output.subarray(-2000).toString() },
    );
  }
  const put = async (entries: readonly LayerEntry[]) => {
    const written = entries.filter(({ kind }) => kind !== 'deletion');
    gone.push(...entries.filter(({ kind }) => kind === 'deletion').map(({ path }) => `/${path}\0`));
    await container.putArchive(entriesTar(ordered(written)), signal);
  };
  const archive = async (find: string) => {
    const tar = `/${ASSAY_DIR}/archive.tar`;
    await capture(['bash', '-c', `${archiveScript(find)} >${tar}`]);
    return onlyEntry(await container.read(tar, signal));
  };

  return {
    put,
    async run(script) {
      const file = (name: string, content: string): LayerEntry => ({
        path: `${ASSAY_DIR}/${name}`,
        kind: 'file',
        content,
      });
      await put([file('gone', gone.splice(0).join('')), file('run.sh', `${MARK}${script}`)]);
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
    archive,
    async changes() {
      // Not asked of the engine: it compares whole images, which takes it a second.
      const [gone, written] = [await capture(['bash', '-c', GONE]), await archive(CHANGED)];
      const deleted = gone
        .toString()
        .split('\0')
        .filter((path) => path !== '');
      return { written: readEntries(written), deleted: topmost(deleted) };
    },
  };
}

const IN_LAYERS = `/ -xdev \\( ${NOT_IN_LAYERS.map((path) => `-path /${path}`).join(' -o ')} -o -name __pycache__ \\) -prune -o ! -path / ! -name '*.pyc'`;
const LIST = `find ${IN_LAYERS} -printf '%P\\0' 2>/dev/null | LC_ALL=C sort -z`;

/** What the mark's time and the list beside it are compared with later. */
const MARK = `xargs -0 -r rm -rf -- </${ASSAY_DIR}/gone
if [ ! -e /${ASSAY_DIR}/mark ]; then
  ${LIST} >/${ASSAY_DIR}/before
  touch /${ASSAY_DIR}/mark
  # File times have the kernel's tick: what is written within the same one would not count as newer.
  until touch /${ASSAY_DIR}/now && [ /${ASSAY_DIR}/now -nt /${ASSAY_DIR}/mark ]; do :; done
fi
`;
const CHANGED = `${IN_LAYERS} -cnewer /${ASSAY_DIR}/mark`;
const GONE = `${LIST} | LC_ALL=C comm -z -23 /${ASSAY_DIR}/before -`;

/** Found files with the folders above them, in the order of a layer: by bytes, part by part. */
function archiveScript(find: string): string {
  return `set -o pipefail
declare -A seen
find ${find} -print0 2>/dev/null | while IFS= read -r -d '' path; do
  folder=$path
  while folder=\${folder%/*}; [ -n "$folder" ] && [ -z "\${seen[$folder]-}" ]; do
    seen[$folder]=1
    printf '%s\\0' "\${folder#/}"
  done
  printf '%s\\0' "\${path#/}"
done | tr / '\\001' | LC_ALL=C sort -zu | tr '\\001' / |
tar -C / --null --no-recursion --hard-dereference --format=posix --verbatim-files-from -T - -c`;
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
