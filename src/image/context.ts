import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

/** One file of a build context; `path` is relative to it. */
export type ContextFile =
  | { readonly path: string; readonly content: string }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly file: string; readonly size: number; readonly executable: boolean };

/** 2020-01-01: fixed, so that contexts hash alike, and late enough for zip files. */
const MTIME = new Date(Date.UTC(2020, 0, 1));

/** A tar stream of the files, in order of path, with fixed owner and times. */
export function contextTar(files: readonly ContextFile[]): Readable {
  const tar = pack();
  const out = new PassThrough();
  const fill = async () => {
    for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
      const header = { name: file.path, mtime: MTIME, uid: 0, gid: 0 };
      if ('content' in file) tar.entry({ ...header, mode: 0o644 }, file.content);
      else if ('link' in file) tar.entry({ ...header, type: 'symlink', linkname: file.link });
      else
        await pipeline(
          createReadStream(file.file),
          tar.entry({ ...header, mode: file.executable ? 0o755 : 0o644, size: file.size }),
        );
    }
    tar.finalize();
  };
  // A consumer that stops early destroys `out`; then nothing is left to report.
  fill().catch((error: unknown) => out.destroy(error instanceof Error ? error : new Error(String(error))));
  out.on('close', () => tar.destroy());
  return tar.pipe(out);
}

/** All files below a folder, as context files below `prefix`. */
export async function filesBelow(dir: string, prefix: string): Promise<readonly ContextFile[]> {
  const found: ContextFile[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = `${prefix}/${file.slice(dir.length + 1)}`;
    if (entry.isSymbolicLink()) {
      found.push({ path, link: await readlink(file) });
      continue;
    }
    const { size, mode } = await lstat(file);
    found.push({ path, file, size, executable: (mode & 0o100) !== 0 });
  }
  return found;
}
