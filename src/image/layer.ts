import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header, type Pack, pack } from 'tar-stream';

/** Something at a path of an image, relative to `/`. A deletion hides what lower layers have there. */
export type LayerEntry =
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly content: string | Uint8Array;
      readonly mode?: number;
    }
  | { readonly path: string; readonly kind: 'link'; readonly target: string }
  | { readonly path: string; readonly kind: 'folder'; readonly mode?: number }
  | { readonly path: string; readonly kind: 'deletion' };

/** A tar of a layer on disk. */
export interface LayerFile {
  readonly file: string;
  /** `sha256:...` of the tar, as images list it. */
  readonly diffId: string;
  readonly bytes: number;
}

/** 2020-01-01: fixed, so that layers hash alike, and late enough for zip files. */
const MTIME = new Date(Date.UTC(2020, 0, 1));
const OWNER = { uid: 0, gid: 0, uname: '', gname: '', mtime: MTIME } as const;

/** Entries in the one order; of two for one path the later one counts. */
export function ordered(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  return [...byPath.values()].sort((a, b) => comparePaths(a.path, b.path));
}

/** Ordered entries of a layer, with every folder above them: an engine makes a missing folder with whatever mode it likes. */
export function withFolders(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const folders = foldersOf(entries.map(({ path }) => path));
  return ordered([...[...folders].map((path): LayerEntry => ({ path, kind: 'folder' })), ...entries]);
}

/** All folders above the paths. */
export function foldersOf(paths: Iterable<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of paths)
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  return folders;
}

/** By bytes of UTF-8, part by part, so that a folder comes before what is in it. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0')));
}

function headerOf(entry: LayerEntry): EntryHeader {
  switch (entry.kind) {
    case 'file':
      return { ...OWNER, name: entry.path, mode: entry.mode ?? 0o644 };
    case 'link':
      return { ...OWNER, name: entry.path, type: 'symlink', linkname: entry.target, mode: 0o777 };
    case 'folder':
      return { ...OWNER, name: `${entry.path}/`, type: 'directory', mode: entry.mode ?? 0o755 };
    case 'deletion': {
      const { dir, base } = posix.parse(entry.path);
      return { ...OWNER, name: posix.join(dir, `.wh.${base}`), mode: 0o644 };
    }
  }
}

type EntryHeader = Pick<Header, 'name'> & Partial<Header>;

/** Adds a file to a tar; rejects when the tar is destroyed, which would end the process as an error that nobody listens to. */
export function addEntry(tar: Pack, header: EntryHeader, content: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    tar.entry(header, Buffer.from(content), done).on('error', reject);
  });
}

/** Entries, in the order given, as a tar stream: the same bytes for the same entries. */
export function entriesTar(entries: Iterable<LayerEntry> | AsyncIterable<LayerEntry>): Readable {
  const tar = pack();
  const fill = async () => {
    for await (const entry of entries)
      await addEntry(tar, headerOf(entry), entry.kind === 'file' ? entry.content : '');
    tar.finalize();
  };
  fill().catch((error: Error) => tar.destroy(error));
  return Readable.from(tar);
}

/** Writes the layer of the entries, in the order given. */
export async function writeLayer(
  entries: Iterable<LayerEntry> | AsyncIterable<LayerEntry>,
  file: string,
): Promise<LayerFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(
    entriesTar(entries),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(file),
  );
  return { file, diffId: `sha256:${hash.digest('hex')}`, bytes };
}

/** The entries of a tar, one after the other; owners, times and special files are dropped. Hard links must have been resolved. */
export async function* readEntries(tar: Readable): AsyncGenerator<LayerEntry> {
  const reader = extract();
  const reading = pipeline(tar, reader);
  reading.catch(() => {}); // reported below
  for await (const entry of reader) {
    const { name, type, linkname, mode = 0 } = entry.header;
    const path = posix.normalize(`/${name}`).slice(1).replace(/\/$/, '');
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    if (path === '') continue;
    if (type === 'directory') yield { path, kind: 'folder', mode };
    else if (type === 'symlink') yield { path, kind: 'link', target: linkname ?? '' };
    else if (type === 'file') yield { path, kind: 'file', content: Buffer.concat(chunks), mode };
  }
  await reading;
}
