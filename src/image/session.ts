import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
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

/** No limits: what runs are the recipe's own commands, installers of packages among them. */
const UNLIMITED = {
  ...{ memoryBytes: 0, cpus: 0, pids: 0 },
  capAdd: ['MKNOD', 'AUDIT_WRITE', 'SYS_CHROOT', 'SETFCAP'],
} as const;

export interface SessionOptions {
  readonly containers: ContainerEngine;
  /** Labels that tell whose container it is. */
  readonly labels: Readonly<Record<string, string>>;
  /** Image to start from. */
  readonly image: string;
  readonly name: string;
  readonly network: boolean;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
  /** Called with a container whose removal nobody needs to wait for. */
  readonly discard: (container: Container) => void;
}

/** What scripts wrote and deleted. */
export interface Changes {
  /** In the order of a layer; to be read before the session ends. */
  readonly written: AsyncIterable<LayerEntry>;
  /** The topmost of what is gone. */
  readonly deleted: readonly string[];
}

/** A container in which the commands of a recipe run, to see what they change. */
export interface Session {
  /**
   * Puts files, then runs a bash script as root: what has been written or deleted since the first script started. Rejects with
   * `image_build_failed` that names the command it stopped at. `results` are files whose text it gives: nothing else can be asked of a
   * container while what was written is being read, as the engine locks it.
   */
  run(
    script: string,
    files: readonly LayerEntry[],
    results?: readonly string[],
  ): Promise<Changes & { readonly results: readonly string[] }>;
  /** A tar of what `find` prints for the arguments, its parts ended by zero bytes. */
  archive(find: string): Promise<Readable>;
}

/** Starts a container, lets `work` use it, and discards it. */
export async function withSession<T>(
  options: SessionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { containers, labels, image, name, network, signal } = options;
  const limits = { ...UNLIMITED, network };
  const container = await containers.start({ image, name, labels, limits, asRoot: true }, signal);
  try {
    return await work(sessionOf(container, options));
  } finally {
    options.discard(container);
  }
}

function sessionOf(container: Container, { signal, onLine, image }: SessionOptions): Session {
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

  return {
    async run(script, files, results = []) {
      const own = (name: string, content: string): LayerEntry => ({
        path: `${ASSAY_DIR}/${name}`,
        kind: 'file',
        content,
      });
      const deleted = files.filter(({ kind }) => kind === 'deletion').map(({ path }) => `/${path}\0`);
      const entries = [
        ...files.filter(({ kind }) => kind !== 'deletion'),
        own('gone', deleted.join('')),
        own('script.sh', script),
        own('run.sh', RUN),
      ];
      await container.putArchive(entriesTar(ordered(entries)), signal);
      const lines = lineReader(onLine);
      const { exitCode, oomKilled } = await container.exec({
        argv: ['bash', `/${ASSAY_DIR}/run.sh`],
        signal,
        onOutput: (chunk) => lines.write(chunk),
      });
      lines.end();
      if (exitCode === 0) {
        const texts: string[] = [];
        for (const path of results) texts.push((await capture(['cat', path])).toString());
        const changes = await changesIn(await container.read(`/${ASSAY_DIR}/changes`, signal));
        return { ...changes, results: texts };
      }
      const why = oomKilled ? ', out of memory' : '';
      throw new AssayError('image_build_failed', `\`${lines.command()}\` ended with code ${exitCode}${why}`, {
        detail: lines.last(),
      });
    },
    async archive(find) {
      const tar = `/${ASSAY_DIR}/archive.tar`;
      await capture(['bash', '-c', archiveScript(`find ${find} -print0`, tar)]);
      return onlyEntry(await container.read(tar, signal));
    },
  };
}

const IN_LAYERS = `/ -xdev \\( ${NOT_IN_LAYERS.map((path) => `-path /${path}`).join(' -o ')} -o -name __pycache__ \\) -prune -o ! -path / ! -name '*.pyc'`;

/**
 * A folder that byte code may have changed, and nothing else: with warm byte code it would not be in the layer. What else changes in such a folder brings
 * it into the layer as the folder above.
 */
const BYTE_CODE_CAME = '\\( -type d -exec test -d {}/__pycache__ \\; \\)';

/**
 * Runs `script.sh` between two looks at the file system, in one call of the engine. The engine isn't asked what changed: it compares whole images,
 * which takes it a second.
 */
const RUN = `cd /${ASSAY_DIR}
xargs -0 -r rm -rf -- <gone
if [ ! -e mark ]; then
  find ${IN_LAYERS} -printf '%P\\0' 2>/dev/null | LC_ALL=C sort -z >before
  touch mark
  # File times have the kernel's tick: what is written within the same one would not count as newer.
  until touch now && [ now -nt mark ]; do :; done
fi
bash script.sh || exit
mkdir -p changes
${archiveScript(`find ${IN_LAYERS} -fprintf after '%P\\0' -cnewer mark ! ${BYTE_CODE_CAME} -print0`, 'changes/written.tar')}
LC_ALL=C sort -z after | LC_ALL=C comm -z -23 before - >changes/deleted
`;

/** Found files with the folders above them, in the order of a layer: by bytes, part by part. */
function archiveScript(find: string, tar: string): string {
  return `set -o pipefail
declare -A seen
${find} 2>/dev/null | while IFS= read -r -d '' path; do
  folder=$path
  while folder=\${folder%/*}; [ -n "$folder" ] && [ -z "\${seen[$folder]-}" ]; do
    seen[$folder]=1
    printf '%s\\0' "\${folder#/}"
  done
  printf '%s\\0' "\${path#/}"
done | tr / '\\001' | LC_ALL=C sort -zu | tr '\\001' / |
tar -C / --null --no-recursion --hard-dereference --format=posix --verbatim-files-from -T - -cf ${tar} || exit`;
}

/** Without what lies below another one. */
function topmost(paths: readonly string[]): readonly string[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    for (const folder of foldersOf([path])) if (all.has(folder)) return false;
    return true;
  });
}

/** Reads the folder that a run left: `deleted`, and after it `written.tar`. */
async function changesIn(folder: Readable): Promise<Changes> {
  const files = filesOf(folder);
  const first = await files.next();
  const deleted = first.done ? '' : await text(first.value);
  async function* rest() {
    for await (const file of files) yield* file;
  }
  return {
    written: readEntries(Readable.from(rest())),
    deleted: topmost(deleted.split('\0').filter((path) => path !== '')),
  };
}

/** The content of the first file of a tar. */
function onlyEntry(tar: Readable): Readable {
  async function* content() {
    for await (const file of filesOf(tar)) yield* file;
  }
  return Readable.from(content());
}

/** Contents of the files of a tar, one after the other; each has to be read before the next. */
async function* filesOf(tar: Readable): AsyncGenerator<AsyncIterable<Uint8Array>> {
  const reader = extract();
  const reading = pipeline(tar, reader);
  reading.catch(() => {}); // reported below
  for await (const entry of reader)
    if (entry.header.type === 'file') yield entry as AsyncIterable<Uint8Array>;
    else entry.resume();
  await reading;
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
