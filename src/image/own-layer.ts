import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import type { BuildContext, Workplace } from './build-context.js';
import { toEntries } from './environment.js';
import { gitBytes, gitText } from './git.js';
import { gitDirEntries, type Past, packOf, workRepository, writeCommit } from './history.js';
import { foldersOf, type LayerEntry, type LayerFile, withFolders, writeLayer } from './layer.js';
import { FILES, installScript } from './scripts.js';
import { type Tree, type TreeFile, treeAt, treeChange, treeEntries } from './tree.js';
import { keepByteCode } from './warm.js';

interface OwnLayerOptions {
  readonly context: BuildContext;
  readonly place: Workplace;
  readonly recipe: ImageRecipe;
  readonly environment: ImageInfo;
  /** The image below: the environment, or one with history on top of it. */
  readonly parent: ImageInfo;
  readonly repository: string;
  readonly commit: string;
  /** The commit whose tree and past the image below holds. */
  readonly anchor: string | undefined;
  readonly past: Past;
  /** Wheels that the environment lacks. */
  readonly wheels: readonly LayerEntry[];
}

/** The layer of one instance: its tree, the rest of its history, and what the install changed in a container of it. */
export async function ownLayer(options: OwnLayerOptions): Promise<LayerFile> {
  const { place, recipe, repository, commit, anchor, past, context } = options;
  const { signal } = context;
  const root = recipe.workdir.slice(1);
  const gitDir = `${root}/.git`;
  const [objects, below, tree] = await Promise.all([
    gitText({ repository, signal, args: ['rev-parse', '--absolute-git-dir'] }),
    anchor === undefined ? new Map<string, TreeFile>() : treeAt({ repository, commit: anchor, signal }),
    treeAt({ repository, commit, signal }),
  ]);
  const scratch = await workRepository(place.work, join(objects, 'objects'), signal);
  const gitDirAt = async (head: string) =>
    gitDirEntries({ gitDir, head, tags: past.tags, index: await indexOf(scratch, head, signal) });
  const contents = Promise.all([
    treeEntries({ repository, change: treeChange(below, tree), root, signal }),
    history(options, scratch, gitDir),
    gitDirAt(commit),
  ]).then((parts) => [...parts.flat(), ...options.wheels]);
  contents.catch(() => {}); // met below
  const installed = await install(options, contents);
  const before = await contents; // it uses the scratch repository's index, as the commit below does
  const changed = trackedChanges(installed, tree, root);
  const head = await commitChanges({ scratch, commit, changed, seconds: past.seconds, signal });
  const entries = [
    ...onTop(
      before,
      installed.filter(({ path }) => !isBelow(path, gitDir)),
      { below, root },
    ),
    ...(await packOf({ ...at(options, scratch, gitDir), tips: [head], without: [commit] })),
    ...(await gitDirAt(head)),
  ];
  return writeLayer(withFolders(entries), join(place.work, 'instance.tar'));
}

/**
 * Entries, and what came on top of them in the container: of what was deleted or replaced nothing is left. `below` is the tree of the image
 * below: where it lacks a path a deletion would show as a device.
 */
function onTop(
  before: readonly LayerEntry[],
  installed: readonly LayerEntry[],
  { below, root }: { readonly below: Tree; readonly root: string },
): readonly LayerEntry[] {
  const pathsOf = (...kinds: readonly LayerEntry['kind'][]) =>
    new Set(installed.filter(({ kind }) => kinds.includes(kind)).map(({ path }) => path));
  const [deleted, files] = [pathsOf('deletion'), pathsOf('file', 'link')];
  const inTree = new Set([...below.keys(), ...foldersOf(below.keys())]);
  const isUnder = (path: string, paths: ReadonlySet<string>) =>
    [...foldersOf([path])].some((folder) => paths.has(folder));
  const isHidden = (path: string) => !isBelow(path, root) || inTree.has(path.slice(root.length + 1));
  return [
    ...before.filter(({ path }) => !deleted.has(path) && !isUnder(path, deleted)),
    // A file hides by itself what was in the folder that it replaces.
    ...installed.filter(({ kind, path }) => kind !== 'deletion' || (isHidden(path) && !isUnder(path, files))),
  ];
}

/** The history since the image below. */
function history(options: OwnLayerOptions, scratch: string, gitDir: string): Promise<readonly LayerEntry[]> {
  const { commit, past, anchor } = options;
  return packOf({
    ...at(options, scratch, gitDir),
    tips: [commit, ...past.tags.map(({ object }) => object)],
    without: anchor === undefined ? [] : [anchor],
  });
}

function at({ place, context }: OwnLayerOptions, repository: string, gitDir: string) {
  return { repository, gitDir, work: place.work, signal: context.signal };
}

/** Index of a commit's tree; the times of files in it are unknown, so git looks at each file once. */
async function indexOf(repository: string, commit: string, signal: AbortSignal): Promise<Buffer> {
  await gitBytes({ repository, signal, args: ['read-tree', commit] });
  return readFile(join(repository, 'index'));
}

/** What the recipe's commands write and delete in a container that holds the entries. */
async function install(
  { context, place, recipe, parent, environment: below }: OwnLayerOptions,
  before: Promise<readonly LayerEntry[]>,
): Promise<readonly LayerEntry[]> {
  const { preInstall, install: commands, checks, workdir, environment } = recipe;
  if ([...preInstall, ...commands, ...checks].length === 0) return [];
  return place.session(parent.ref, async (session) => {
    const python = environment.python !== undefined;
    const { certificates } = context;
    // With the folders above them: one may be a file in the image below.
    await session.put(
      withFolders([
        ...(await before),
        ...(certificates === undefined ? [] : toEntries({ [FILES.certificates]: certificates })),
      ]),
    );
    await session.run(installScript({ workdir, python, preInstall, install: commands, checks }));
    const { written, deleted } = await session.changes();
    const entries: LayerEntry[] = [];
    for await (const entry of written) entries.push(entry);
    if (python) await keepByteCode(context, below, session);
    return [...entries, ...deleted.map((path): LayerEntry => ({ path, kind: 'deletion' }))];
  });
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** What the install changed of the tracked files, by their path in the tree; untracked files stay out, as in the reference's `commit -a`. */
function trackedChanges(
  installed: readonly LayerEntry[],
  tree: Tree,
  root: string,
): ReadonlyMap<string, LayerEntry> {
  const changed = new Map<string, LayerEntry>();
  for (const entry of installed) {
    const path = entry.path.slice(root.length + 1);
    if (!isBelow(entry.path, root)) continue;
    if (tree.has(path)) changed.set(path, entry);
    else if (entry.kind === 'deletion')
      for (const file of tree.keys()) if (isBelow(file, path)) changed.set(file, entry);
  }
  return changed;
}

interface CommitOptions {
  readonly scratch: string;
  readonly commit: string;
  readonly changed: ReadonlyMap<string, LayerEntry>;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Commits what the install changed, as the reference does: a later diff shows only the model's change. */
async function commitChanges(options: CommitOptions): Promise<string> {
  const { scratch: repository, commit, changed, seconds, signal } = options;
  const lines: string[] = [];
  for (const [path, entry] of changed) {
    if (entry.kind !== 'file' && entry.kind !== 'link') {
      lines.push(`0 ${'0'.repeat(40)}\t${path}`);
      continue;
    }
    const content = entry.kind === 'file' ? Buffer.from(entry.content) : entry.target;
    const object = await gitText({
      repository,
      signal,
      input: content,
      args: ['hash-object', '-w', '--stdin'],
    });
    const executable = entry.kind === 'file' && ((entry.mode ?? 0) & 0o100) !== 0;
    lines.push(`${entry.kind === 'link' ? '120000' : executable ? '100755' : '100644'} ${object}\t${path}`);
  }
  await gitBytes({ repository, signal, args: ['read-tree', commit] });
  await gitBytes({
    repository,
    signal,
    input: lines.map((line) => `${line}\0`).join(''),
    args: ['update-index', '-z', '--index-info'],
  });
  const tree = await gitText({ repository, signal, args: ['write-tree'] });
  return writeCommit({ repository, tree, parent: commit, message: 'SWE-bench', seconds, signal });
}
