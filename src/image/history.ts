import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError } from '../errors.js';
import { sha256 } from '../util/hash.js';
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
  /** The commit's tree. */
  readonly tree: string;
  /** The commit's time in seconds since the epoch. */
  readonly seconds: number;
  /** Tags that lead to the commit's past and are not younger than it: name and object. */
  readonly tags: readonly { readonly name: string; readonly object: string }[];
}

/** Reads the date of a commit and the tags of its past. */
export async function pastOf({ repository, commit, signal }: CommitOptions): Promise<Past> {
  const format = '--format=%(objectname) %(creatordate:unix) %(refname)';
  const [date, tags] = await Promise.all([
    gitText({ repository, signal, args: ['show', '-s', '--format=%ct %T', `${commit}^{commit}`] }),
    gitText({ repository, signal, args: ['for-each-ref', `--merged=${commit}`, format, 'refs/tags'] }),
  ]);
  const [time, tree = ''] = date.split(' ');
  const seconds = Number(time);
  return {
    tree,
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

/** How packs are made: deltas are found anew and by one thread, so that the bytes don't depend on how the mirror is packed. */
const PACKING = [
  ...['--no-reuse-delta', '--no-reuse-object', '--delta-base-offset', '--threads=1'],
  // A wider window takes a third longer for 4 % less.
  ...['--window=2', '--depth=50', '--compression=1'],
];

/** Part of content keys. */
export const PACKING_KEY = sha256(PACKING.join(' ')).slice(0, 8);

/**
 * One pack with its index, as files of `.git/objects/pack`; nothing when there is nothing to pack. Rejects when
 * the pack holds anything but what the tips lead to.
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
  await gitBytes({
    repository,
    signal,
    input: `${objects}\n`,
    args: ['pack-objects', '--quiet', ...PACKING, join(work, 'pack')],
  });
  const names = (await readdir(work)).filter((name) => /\.(pack|idx)$/.test(name)).sort();
  const index = await readFile(join(work, names.find((name) => name.endsWith('.idx')) ?? ''));
  checkPack({ repository, tips, index, objects });
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
export function checkPack(
  options: Pick<PackOptions, 'repository' | 'tips'> & { readonly index: Buffer; readonly objects: string },
): void {
  const { repository, index, objects, tips } = options;
  const allowed = new Set(objects.split('\n').map((line) => line.split(' ', 1)[0]));
  const foreign = packedObjects(index).find((object) => !allowed.has(object));
  if (foreign !== undefined)
    throw new AssayError(
      'image_build_failed',
      `${repository}: the pack for ${tips[0]} holds what is not of its past: ${foreign}`,
    );
}

/** Names of the objects in a pack's index, version 2 (gitformat-pack(5)): after 8 bytes of header and 256 counts of 4 bytes, 20 bytes each. */
function packedObjects(index: Buffer): readonly string[] {
  const [counts, names] = [8, 8 + 256 * 4];
  const length = index.readUInt32BE(counts + 255 * 4);
  return Array.from({ length }, (_, i) => index.toString('hex', names + i * 20, names + (i + 1) * 20));
}

/** A throw-away repository that sees the objects of another one, for what an image adds to history. */
export async function workRepository(
  work: string,
  repository: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const made = await mkdtemp(join(work, 'git-'));
  await Promise.all(['objects/info', 'refs'].map((name) => mkdir(join(made, name), { recursive: true })));
  await writeFile(join(made, 'HEAD'), 'ref: refs/heads/main\n');
  if (repository === undefined) return made;
  const objects = await gitText({
    repository,
    signal,
    args: ['rev-parse', '--path-format=absolute', '--git-path', 'objects'],
  });
  await writeFile(join(made, 'objects/info/alternates'), `${objects}\n`);
  return made;
}

/** The objects that were written to a work repository, as files of `.git/objects`. */
export async function looseObjects(repository: string, gitDir: string): Promise<readonly LayerEntry[]> {
  const objects = join(repository, 'objects');
  const names = (await readdir(objects, { recursive: true })).filter((name) =>
    /^[0-9a-f]{2}\/[0-9a-f]{38}$/.test(name),
  );
  return Promise.all(
    names.sort().map(async (name) => ({
      path: `${gitDir}/objects/${name}`,
      kind: 'file' as const,
      content: await readFile(join(objects, name)),
      mode: 0o444,
    })),
  );
}

interface CommitFacts {
  readonly repository: string;
  readonly tree: string;
  readonly parent?: string;
  readonly message: string;
  /** Seconds since the epoch. */
  readonly seconds: number;
  /** Name and address of author and committer; default: those of the reference's set-up. */
  readonly who?: string;
  readonly signal: AbortSignal;
}

/** Writes a commit, by default as the reference's set-up makes it; returns its name. */
export async function writeCommit(facts: CommitFacts): Promise<string> {
  const { repository, tree, parent, message, seconds, signal } = facts;
  const who = `${facts.who ?? 'SWE-bench <setup@swebench.config>'} ${seconds} +0000`;
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
