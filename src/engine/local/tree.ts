import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { writeAtomic } from '../../util/files.js';
import { sha256 } from '../../util/hash.js';
import { command } from './command.js';

export interface TreeEntry {
  readonly path: string;
  readonly mode: '100644' | '100755' | '120000';
  /** sha256 of the content, or of a link's target. */
  readonly sha256: string;
  readonly size: number;
}

/** Not part of a tree: the second appears in it whenever somebody runs its tests in place. */
const LEFT_OUT = ['.git', '__pycache__'];
const COMMIT = {
  GIT_AUTHOR_NAME: 'assay',
  GIT_AUTHOR_EMAIL: 'assay@localhost',
  GIT_AUTHOR_DATE: '2020-01-01T00:00:00+0000',
  GIT_COMMITTER_NAME: 'assay',
  GIT_COMMITTER_EMAIL: 'assay@localhost',
  GIT_COMMITTER_DATE: '2020-01-01T00:00:00+0000',
};
const GIT_CONFIG = {
  'user.name': 'assay',
  'user.email': 'assay@localhost',
  'core.autocrlf': 'false',
  'core.logAllRefUpdates': 'false',
  // The tree is copied for each attempt: inode and ctime say nothing.
  'core.checkStat': 'minimal',
  'core.trustctime': 'false',
  'gc.auto': '0',
};

interface RepositoryOptions {
  readonly dir: string;
  readonly entries: readonly TreeEntry[];
  readonly tree: string;
  /** PATH for git. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Everything that belongs to a tree, sorted; rejects on a socket or the like. */
export async function listTree(dir: string, below = ''): Promise<readonly TreeEntry[]> {
  const found = await readdir(join(dir, below), { withFileTypes: true });
  const names = found
    .filter((entry) => !LEFT_OUT.includes(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries: TreeEntry[] = [];
  for (const entry of names) {
    const path = posix.join(below, entry.name);
    const file = join(dir, path);
    if (entry.isDirectory()) entries.push(...(await listTree(dir, path)));
    else if (entry.isSymbolicLink()) {
      const target = await readlink(file);
      entries.push({ path, mode: '120000', sha256: sha256(target), size: target.length });
    } else if (entry.isFile()) {
      const { mode, size } = await stat(file);
      entries.push({ path, mode: mode & 0o100 ? '100755' : '100644', sha256: await fileSha256(file), size });
    } else throw new Error(`neither file, folder nor link: ${file}`);
  }
  return entries;
}

async function fileSha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Copies the entries of `dir` to the folder `tree` and makes it a git repository of one commit, whose id it gives. */
export async function makeRepository(options: RepositoryOptions): Promise<string> {
  const { dir, entries, tree, path, signal } = options;
  for (const entry of entries) {
    signal.throwIfAborted();
    const from = join(dir, entry.path);
    const to = join(tree, entry.path);
    await mkdir(dirname(to), { recursive: true });
    if (entry.mode === '120000') await symlink(await readlink(from), to);
    else {
      await copyFile(from, to);
      await chmod(to, entry.mode === '100755' ? 0o755 : 0o644);
    }
  }
  const env = {
    PATH: path,
    HOME: tree,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...COMMIT,
  };
  const git = (...args: string[]) => command({ argv: ['git', ...args], cwd: tree, env, signal });
  await git('init', '--quiet', '--template=', '--initial-branch=main', '--object-format=sha1');
  const config = Object.entries(GIT_CONFIG).map(([key, value]) => {
    const [section, name] = key.split('.');
    return `[${section}]\n\t${name} = ${value}\n`;
  });
  const configFile = join(tree, '.git', 'config');
  await writeAtomic(configFile, (await readFile(configFile, 'utf8')) + config.join(''));
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--no-verify', '--no-gpg-sign', '--allow-empty', '--message', 'Base');
  // Two files instead of one per object: an attempt starts with a copy of all of them.
  await git('repack', '-a', '-d', '-q');
  return git('rev-parse', 'HEAD');
}
