import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError } from '../errors.js';
import { gitBytes, gitText } from './git.js';
import type { LayerEntry } from './layer.js';

interface CommitOptions {
  /** Path of a git repository that holds the commit. */
  readonly repository: string;
  readonly commit: string;
  readonly signal: AbortSignal;
}

/** Text of a file at a commit, or undefined when the commit has no such file. */
export async function fileAtCommit(
  options: CommitOptions & { readonly path: string },
): Promise<string | undefined> {
  const { repository, commit, path, signal } = options;
  const listed = await gitText({ repository, signal, args: ['ls-tree', '--name-only', commit, '--', path] });
  return listed === '' ? undefined : gitText({ repository, signal, args: ['show', `${commit}:${path}`] });
}

/** What git knows at a commit, and no later. */
export interface Past {
  /** The commit's time in seconds since the epoch. */
  readonly seconds: number;
  /** Tags that lead to the commit's past and are not younger than it: name and object. */
  readonly tags: readonly { readonly name: string; readonly object: string }[];
}

/** Reads the date of a commit and the tags of its past. */
export async function pastOf({ repository, commit, signal }: CommitOptions): Promise<Past> {
  const format = '--format=%(objectname) %(creatordate:unix) %(refname)';
  const [date, tags] = await Promise.all([
    gitText({ repository, signal, args: ['show', '-s', '--format=%ct', `${commit}^{commit}`] }),
    gitText({ repository, signal, args: ['for-each-ref', `--merged=${commit}`, format, 'refs/tags'] }),
  ]);
  const seconds = Number(date);
  return {
    seconds,
    tags: tags
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([object, created]) => object !== '' && Number(created) <= seconds)
      .map(([object = '', , name = '']) => ({ name, object })),
  };
}

interface PackOptions {
  readonly repository: string;
  /** What the pack must hold, with all that it leads to. */
  readonly tips: readonly string[];
  /** What is elsewhere, with all that it leads to. */
  readonly without: readonly string[];
  /** Path of the `.git` folder in the image, relative to `/`. */
  readonly gitDir: string;
  /** An existing folder for the files. */
  readonly work: string;
  readonly signal: AbortSignal;
}

/**
 * One pack with its index, as files of `.git/objects/pack`; nothing when there is nothing to pack. Deltas are found anew and by one thread, so that the
 * bytes don't depend on how the mirror is packed. Rejects when the pack holds anything but what the tips lead to.
 */
export async function packOf(options: PackOptions): Promise<readonly LayerEntry[]> {
  const { repository, tips, without, gitDir, signal } = options;
  const revisions = `${[...tips, ...without.map((commit) => `^${commit}`)].join('\n')}\n`;
  const objects = await gitText({
    repository,
    signal,
    input: revisions,
    args: ['rev-list', '--objects', '--stdin'],
  });
  if (objects === '') return [];
  const work = await mkdtemp(join(options.work, 'pack-'));
  const choices = ['--no-reuse-delta', '--no-reuse-object', '--delta-base-offset'];
  const effort = ['--threads=1', '--window=5', '--depth=50', '--compression=1'];
  await gitBytes({
    repository,
    signal,
    input: `${objects}\n`,
    args: ['pack-objects', '--quiet', ...choices, ...effort, join(work, 'pack')],
  });
  const names = (await readdir(work)).filter((name) => /\.(pack|idx)$/.test(name)).sort();
  const index = await readFile(join(work, names.find((name) => name.endsWith('.idx')) ?? ''));
  await checkPack({ ...options, index, objects });
  return Promise.all(
    names.map(async (name) => ({
      path: `${gitDir}/objects/pack/${name}`,
      kind: 'file' as const,
      content: await readFile(join(work, name)),
      mode: 0o444,
    })),
  );
}

/** The gate against leaks: whatever git can find in the image must be of the past. Takes the index of a pack and what `rev-list --objects` allows. */
export async function checkPack(
  options: Pick<PackOptions, 'repository' | 'tips' | 'signal'> & {
    readonly index: Uint8Array;
    readonly objects: string;
  },
): Promise<void> {
  const { repository, signal, index, objects, tips } = options;
  const packed = await gitText({ repository, signal, input: index, args: ['show-index'] });
  const allowed = new Set(objects.split('\n').map((line) => line.split(' ', 1)[0]));
  const foreign = packed.split('\n').find((line) => !allowed.has(line.split(' ')[1]));
  if (foreign !== undefined)
    throw new AssayError(
      'image_build_failed',
      `${repository}: the pack for ${tips[0]} holds what is not of its past: ${foreign}`,
    );
}

/** A throw-away repository that sees the objects of another one, for what an image adds to history. */
export async function workRepository(
  work: string,
  objects: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const repository = await mkdtemp(join(work, 'git-'));
  await gitBytes({ repository, signal, args: ['init', '--quiet', '--bare', '--template=', '.'] });
  if (objects !== undefined) await writeFile(join(repository, 'objects/info/alternates'), `${objects}\n`);
  return repository;
}

interface CommitFacts {
  readonly repository: string;
  readonly tree: string;
  readonly parent?: string;
  readonly message: string;
  /** Seconds since the epoch. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Writes a commit as the reference's set-up makes it; returns its name. */
export async function writeCommit(facts: CommitFacts): Promise<string> {
  const { repository, tree, parent, message, seconds, signal } = facts;
  const who = `SWE-bench <setup@swebench.config> ${seconds} +0000`;
  const lines = [
    `tree ${tree}`,
    ...(parent === undefined ? [] : [`parent ${parent}`]),
    `author ${who}`,
    `committer ${who}`,
    '',
    message,
    '',
  ];
  return gitText({
    repository,
    signal,
    input: lines.join('\n'),
    args: ['hash-object', '-t', 'commit', '-w', '--stdin'],
  });
}

interface GitDirOptions {
  readonly gitDir: string;
  readonly head: string;
  readonly tags: Past['tags'];
  /** Content of the index file. */
  readonly index: Uint8Array;
}

/** The files of a `.git` but for its packs: branch `main` at `head`, tags, an index; no remote, no reflog, no hooks. */
export function gitDirEntries({ gitDir, head, tags, index }: GitDirOptions): readonly LayerEntry[] {
  const config =
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n';
  const refs = [
    '# pack-refs with: sorted',
    ...[{ name: 'refs/heads/main', object: head }, ...tags].map(({ name, object }) => `${object} ${name}`),
  ];
  const file = (name: string, content: string | Uint8Array): LayerEntry => ({
    path: `${gitDir}/${name}`,
    kind: 'file',
    content,
  });
  return [
    file('HEAD', 'ref: refs/heads/main\n'),
    file('config', config),
    file('packed-refs', `${refs.join('\n')}\n`),
    file('index', index),
    ...['objects/info', 'objects/pack', 'refs/heads', 'refs/tags', 'info'].map(
      (name): LayerEntry => ({ path: `${gitDir}/${name}`, kind: 'folder' }),
    ),
  ];
}
