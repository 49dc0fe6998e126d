import { buffer } from 'node:stream/consumers';
import { AssayError } from '../../errors.js';
import type { FileEntry } from '../engine.js';

/** Fixed time of every file, so that equal contents give equal archives; after 1980, which zip needs. */
const MTIME = new Date('2000-01-01T00:00:00Z');

/**
 * A tar archive of the files with names relative to `/`, owned by root. It has no entries for folders: the engine makes those that
 * are missing (0755, root), and an entry would change the mode of those that exist.
 */
export async function tarball(files: readonly FileEntry[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const { path, content, mode = 0o644 } of files) {
    if (
      !path.startsWith('/') ||
      path.endsWith('/') ||
      path.includes('\0') ||
      path.split('/').includes('..')
    ) {
      throw new AssayError('internal', `not an absolute file path in a container: ${JSON.stringify(path)}`);
    }
    const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
    archive.entry({ name: path.slice(1), mode, mtime: MTIME, uid: 0, gid: 0 }, bytes);
  }
  archive.finalize();
  return buffer(archive);
}
