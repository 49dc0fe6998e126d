import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { pipeline as connect, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type BrotliCompress,
  createBrotliCompress,
  createBrotliDecompress,
  constants as zlib,
} from 'node:zlib';
import { extract, type Pack, pack } from 'tar-stream';
import type { ImageEngine } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { addEntry } from './layer.js';

/** An image and the name that it gets where it is loaded. */
interface NamedImage {
  readonly ref: string;
  /** `sha256:...` of its configuration. */
  readonly id: string;
}

/**
 * Environments repeat each other's files hundreds of megabytes apart: of two of sympy the second adds 5 % with this window, and 100 % with the
 * 16 MiB of plain brotli. Higher qualities win 5 % for nine times the work.
 */
const WINDOW_BITS = 29;
const QUALITY = 5;
const CHUNK = 2 ** 20;
const HEADER = { mtime: new Date(Date.UTC(2020, 0, 1)), mode: 0o644 } as const;

interface WriteOptions {
  readonly engine: ImageEngine;
  /** In this order in the archive: neighbours should be alike. */
  readonly images: readonly NamedImage[];
  /** An existing folder for what the engine gives out, unpacked. */
  readonly work: string;
  readonly file: string;
  readonly signal: AbortSignal;
}

/**
 * Writes images as a compressed `docker save` archive with each layer once: the same bytes for the same images, whatever engine gave them out.
 */
export async function writeArchive({ engine, images, work, file, signal }: WriteOptions): Promise<void> {
  const saved = await unpack(await engine.save([...new Set(images.map(({ id }) => id))], signal), work);
  const tar = pack();
  const filling = fill(tar, images, saved);
  filling.catch((error: Error) => tar.destroy(error));
  await pipeline(Readable.from(tar), compressor(), createWriteStream(file), { signal });
  await filling;
}

/** Compresses for an export. */
export function compressor(): BrotliCompress {
  const params = {
    [zlib.BROTLI_PARAM_QUALITY]: QUALITY,
    [zlib.BROTLI_PARAM_LARGE_WINDOW]: 1,
    [zlib.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
  };
  return createBrotliCompress({ chunkSize: CHUNK, params });
}

/** What went into a compressed file of an export. */
export function readCompressed(file: string): Readable {
  const params = { [zlib.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 };
  const unpacked = createBrotliDecompress({ chunkSize: CHUNK, params });
  // An error destroys both streams: whoever reads meets it.
  connect(createReadStream(file, { highWaterMark: CHUNK }), unpacked, () => {});
  return unpacked;
}

interface Manifest {
  readonly Config: string;
  readonly Layers: readonly string[];
}

/** What an engine saved: where each of its files is now. */
interface Saved {
  readonly manifests: readonly Manifest[];
  readonly pathOf: (name: string) => string;
}

async function unpack(archive: Readable, work: string): Promise<Saved> {
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  await mkdir(work, { recursive: true });
  const reader = extract();
  const reading = pipeline(archive, reader);
  reading.catch(() => {}); // met below
  for await (const entry of reader) {
    const { name, type, linkname = '' } = entry.header;
    // A layer that another image has too is a link to it.
    if (type === 'symlink') links.set(name, posix.join(posix.dirname(name), linkname));
    if (type === 'file') {
      const path = join(work, String(files.size));
      files.set(name, path);
      await pipeline(entry, createWriteStream(path));
    } else entry.resume();
  }
  await reading;
  const pathOf = (name: string) => {
    const path = files.get(links.get(name) ?? name);
    if (path === undefined) throw new AssayError('engine_failed', `the engine saved images without ${name}`);
    return path;
  };
  const manifests: unknown = JSON.parse(await readFile(pathOf('manifest.json'), 'utf8'));
  return { manifests: manifests as readonly Manifest[], pathOf };
}

async function fill(tar: Pack, images: readonly NamedImage[], { manifests, pathOf }: Saved): Promise<void> {
  const manifest: { Config: string; RepoTags: readonly string[]; Layers: readonly string[] }[] = [];
  const written = new Set<string>();
  for (const { ref, id } of images) {
    const hex = id.replace('sha256:', '');
    const found = manifests.find(({ Config }) => basename(Config, '.json') === hex);
    if (found === undefined)
      throw new AssayError('engine_failed', `the engine saved no image ${ref} (${id})`);
    const config = await readFile(pathOf(found.Config), 'utf8');
    const { rootfs } = JSON.parse(config) as { rootfs: { diff_ids: readonly string[] } };
    const names = rootfs.diff_ids.map((diffId) => `${diffId.replace('sha256:', '')}.tar`);
    manifest.push({ Config: `${hex}.json`, RepoTags: [ref], Layers: names });
    if (!written.has(hex)) await addEntry(tar, { ...HEADER, name: `${hex}.json` }, config);
    written.add(hex);
    for (const [i, name] of names.entries()) {
      if (written.has(name)) continue;
      written.add(name);
      const path = pathOf(found.Layers[i] ?? '');
      const { size } = await stat(path);
      await pipeline(createReadStream(path, { highWaterMark: CHUNK }), tar.entry({ ...HEADER, name, size }));
    }
  }
  await addEntry(tar, { ...HEADER, name: 'manifest.json' }, JSON.stringify(manifest));
  tar.finalize();
}
