import { join, posix } from 'node:path';
import { AssayError } from '../../errors.js';

/** Folders below a workspace's root that are there in every sandbox, besides the tree itself. */
export const HOME = '/home/assay';
export const TMP = '/tmp';
/** The pipe for output, where paths are the sandbox's own. */
export const OUTPUT = '/run/output';

/** Host path of an absolute sandbox path; rejects paths that are relative or climb. */
export function hostPath(root: string, path: string): string {
  if (!path.startsWith('/') || path.includes('\0') || posix.normalize(path) !== path || path.endsWith('/'))
    throw new AssayError(
      'engine_failed',
      `not a plain absolute path inside a sandbox: ${JSON.stringify(path)}`,
    );
  return join(root, path);
}

/**
 * THE mapping rule, for sandboxes whose file system isn't closed off (with bubblewrap paths are what they say). Sandbox path `/p`
 * lies at `<workspace root>/p`. In argv, environment values and the working directory, each occurrence of the image's workdir, of
 * `/home/assay` or of a file that was put is replaced by its host path when it stands as a whole path or is followed by `/`.
 * Contents of files are never changed: scripts find the tree through `TESTBED` and the temporary folder through `TMPDIR`.
 */
export function mapPaths(text: string, root: string, paths: readonly string[]): string {
  const longestFirst = [...new Set(paths)].sort((a, b) => b.length - a.length).map(escapeRegExp);
  const known = new RegExp(`(?<![\\w./~})-])(?:${longestFirst.join('|')})(?![\\w.-])`, 'g');
  const isOnePath = /^\S*$/.test(text);
  return text.replace(known, (path) => {
    const mapped = join(root, path);
    return isOnePath || /^[\w@%+=:,./-]+$/.test(mapped) ? mapped : `'${mapped.replaceAll("'", `'\\''`)}'`;
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
