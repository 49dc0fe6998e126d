import { chmod, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode } from '../../util/files.js';
import type { FileEntry } from '../engine.js';
import { command } from './command.js';
import { hostPath } from './paths.js';
import { SYSTEM_FOLDERS } from './tools.js';

/** Name of a workspace's first pipe, beside its `root`. */
export const OUTPUT_PIPE = 'output';

/**
 * Writes a file below a workspace's root. The code in the sandbox may have laid links in its way: they are removed, never followed,
 * so that nothing outside of the workspace is touched.
 */
export async function putFile(root: string, { path, content, mode = 0o644 }: FileEntry): Promise<void> {
  const target = hostPath(root, path);
  if ([...SYSTEM_FOLDERS, '/proc', '/dev', '/etc'].some((folder) => path.startsWith(`${folder}/`)))
    throw new Error(`${path} lies in a read-only folder of the local sandbox`);
  let folder = root;
  for (const name of path.split('/').slice(1, -1)) {
    folder = join(folder, name);
    const found = await lstat(folder).catch(() => undefined);
    if (found?.isDirectory()) continue;
    if (found !== undefined) await rm(folder);
    await mkdir(folder);
  }
  if (folder !== dirname(target)) throw new Error(`not a path inside the workspace: ${path}`);
  await rm(target, { force: true, recursive: true });
  const file = await open(target, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

/** Removes a folder with everything in it, also what lies in folders without write permission. */
export async function removeTree(folder: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3, retryDelay: 20 } as const;
  try {
    await rm(folder, options);
  } catch (error) {
    if (!hasCode(error, 'EACCES') && !hasCode(error, 'EPERM')) throw error;
    await openFolders(folder);
    await rm(folder, options);
  }
}

async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await openFolders(join(folder, entry.name));
}

/** Makes a named pipe and gives its path. */
export async function makePipe(file: string, path: string): Promise<string> {
  await command({ argv: ['mkfifo', '-m', '600', file], env: { PATH: path } });
  return file;
}

/** Bytes that a folder takes on the disk. Of files that go meanwhile, or are closed to us, `du` complains, and counts all others. */
export async function diskBytesOf(folder: string, path: string, signal: AbortSignal): Promise<number> {
  const argv = ['sh', '-c', 'du -skx -- "$1" 2>/dev/null; true', 'du', folder];
  return Number.parseInt(await command({ argv, env: { PATH: path }, signal }), 10) * 1024;
}
