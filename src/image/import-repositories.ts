import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { AssayError } from '../errors.js';
import { withLock } from '../util/lock.js';
import type { BuildContext } from './build-context.js';
import { readCompressed } from './export-archive.js';
import { repositoryFile } from './export-index.js';
import { gitBytes, gitText } from './git.js';
import { mirrorPath } from './mirror.js';

interface ImportOptions {
  readonly context: BuildContext;
  readonly repo: string;
  readonly folder: string;
}

interface Ref {
  readonly object: string;
  readonly name: string;
}

/**
 * A mirror in the cache of what an export holds of a repository. One that has the commits and the names of the tags is left alone; one that
 * lacks some is given them, and keeps what it has.
 */
export async function importRepository({ context, repo, folder }: ImportOptions): Promise<void> {
  const { cacheDir, owner, signal, onLog } = context;
  const file = join(folder, repositoryFile(repo));
  const refs = parseRefs(await readFile(`${file}.refs`, 'utf8'), `${file}.refs`);
  const path = mirrorPath(cacheDir, repo);
  await withLock({ path: `${path}.lock`, owner, signal, onWait: onLog }, async () => {
    const names = await refNames(path, signal);
    if (names !== undefined) {
      if (!(await lacks({ path, refs, names, signal }))) return;
      onLog(`${repo}: adding what the mirror lacks`);
      await fill({
        path,
        pack: `${file}.pack.br`,
        refs: refs.filter(({ name }) => !names.has(name)),
        signal,
      });
      return;
    }
    onLog(`${repo}: making the mirror`);
    const fresh = `${path}.new`;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh);
    await gitBytes({ repository: fresh, signal, args: ['init', '--quiet', '--bare', '--template=', '.'] });
    await fill({ path: fresh, pack: `${file}.pack.br`, refs, signal });
    await rm(path, { recursive: true, force: true });
    await rename(fresh, path);
  });
}

function parseRefs(text: string, path: string): readonly Ref[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, object, name] = /^([0-9a-f]{40}) (refs\/(?:tags|heads)\/\S+)$/.exec(line) ?? [];
      if (object !== undefined && name !== undefined) return { object, name };
      throw new AssayError('bad_export', `${path}: not a ref: ${line}`);
    });
}

/** Names of the refs of a repository; undefined when there is none at the path. */
async function refNames(path: string, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
  try {
    const args = ['--git-dir=.', 'for-each-ref', '--format=%(refname)'];
    return new Set((await gitText({ repository: path, signal, args })).split('\n'));
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** True when a commit, or the name of a tag, isn't in the mirror. */
async function lacks(options: {
  readonly path: string;
  readonly refs: readonly Ref[];
  readonly names: ReadonlySet<string>;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { path, refs, names, signal } = options;
  const isHead = ({ name }: Ref) => name.startsWith('refs/heads/');
  if (refs.some((ref) => !isHead(ref) && !names.has(ref.name))) return true;
  const input = refs
    .filter(isHead)
    .map(({ object }) => `${object}\n`)
    .join('');
  const found = await gitText({ repository: path, signal, input, args: ['cat-file', '--batch-check'] });
  return found.split('\n').some((line) => line.endsWith(' missing'));
}

/** Takes a compressed pack and refs into a repository. */
async function fill(options: {
  readonly path: string;
  readonly pack: string;
  readonly refs: readonly Ref[];
  readonly signal: AbortSignal;
}): Promise<void> {
  const { path: repository, pack, refs, signal } = options;
  await gitBytes({
    repository,
    signal,
    input: await buffer(readCompressed(pack)),
    args: ['index-pack', '--stdin'],
  });
  const input = refs.map(({ object, name: ref }) => `create ${ref} ${object}\n`).join('');
  await gitBytes({ repository, signal, input, args: ['update-ref', '--stdin'] });
  await gitBytes({ repository, signal, args: ['pack-refs', '--all'] });
  await gitBytes({ repository, signal, args: ['commit-graph', 'write', '--reachable'] });
}
