import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import type { BuildContext, Workplace } from './build-context.js';
import { certificatesOf } from './environment.js';
import { gitBytes, gitText } from './git.js';
import { gitDirEntries, looseObjects, type Past, packOf, workRepository, writeCommit } from './history.js';
import { foldersOf, type LayerEntry, type LayerFile, withFolders, writeLayer } from './layer.js';
import { installScript } from './scripts.js';
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
  const [scratch, below, tree] = await Promise.all([
    workRepository(place.work, repository, signal),
    anchor === undefined ? new Map<string, TreeFile>() : treeAt({ repository, commit: anchor, signal }),
    treeAt({ repository, commit, signal }),
  ]);
  const gitDirAt = async (head: string) =>
    gitDirEntries({ gitDir, head, tags: past.tags, index: await readFile(join(scratch, 'index')) });
  const contents = Promise.all([
    treeEntries({ repository, change: treeChange(below, tree), root, signal }),
    packOf({
      repository,
      tips: [commit, ...past.tags.map(({ object }) => object)],
      without: anchor === undefined ? [] : [anchor],
      gitDir,
      work: place.work,
      signal,
    }),
    // The times of files in this index are unknown, so git looks at each file once.
    gitBytes({ repository: scratch, signal, args: ['read-tree', commit] }).then(() => gitDirAt(commit)),
  ]).then((parts) => [...parts.flat(), ...options.wheels]);
  // Nothing may still be writing into the work folder when it is removed.
  const installed = await install(options, contents).finally(() => contents.catch(() => {}));
  const before = await contents;
  const changed = trackedChanges(installed, tree, root);
  const head = await commitChanges({ scratch, commit, changed, past, signal });
  const entries = [
    ...onTop(
      before,
      installed.filter(({ path }) => !isBelow(path, gitDir)),
      { below, root },
    ),
    ...(await looseObjects(scratch, gitDir)),
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

/** What the recipe's commands write and delete in a container that holds the entries: without a network, and where that fails with one. */
async function install(
  options: OwnLayerOptions,
  before: Promise<readonly LayerEntry[]>,
): Promise<readonly LayerEntry[]> {
  const { recipe, context } = options;
  const { preInstall, install: commands, checks, environment } = recipe;
  if ([...preInstall, ...commands, ...checks].length === 0) return [];
  // Before the install a command may fetch, and hide that it failed.
  if (environment.python !== undefined && preInstall.length === 0)
    try {
      return await installIn(options, before, false);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof AssayError && error.code === 'image_build_failed')) throw error;
      context.onLog(`${recipe.name}: installing again, with a network`);
    }
  return installIn(options, before, true);
}

function installIn(
  { context, place, recipe, parent, environment: below }: OwnLayerOptions,
  before: Promise<readonly LayerEntry[]>,
  network: boolean,
): Promise<readonly LayerEntry[]> {
  const { environment } = recipe;
  const python = environment.python !== undefined;
  return place.session({ image: parent.ref, network }, async (session) => {
    const { written, deleted } = await session.run(
      installScript({ ...recipe, python, network }),
      // With the folders above them: one may be a file in the image below.
      withFolders([...(await before), ...certificatesOf(context)]),
    );
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
  /** A work repository with the commit's tree in its index. */
  readonly scratch: string;
  readonly commit: string;
  readonly changed: ReadonlyMap<string, LayerEntry>;
  readonly past: Past;
  readonly signal: AbortSignal;
}

/** Commits what the install changed, as the reference does: a later diff shows only the model's change. The index is the new commit's. */
async function commitChanges(options: CommitOptions): Promise<string> {
  const { scratch: repository, commit, changed, past, signal } = options;
  const message = 'SWE-bench';
  const facts = { repository, parent: commit, message, seconds: past.seconds, signal };
  if (changed.size === 0) return writeCommit({ ...facts, tree: past.tree });
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
  await gitBytes({
    repository,
    signal,
    input: lines.map((line) => `${line}\0`).join(''),
    args: ['update-index', '-z', '--index-info'],
  });
  const tree = await gitText({ repository, signal, args: ['write-tree'] });
  await gitBytes({ repository, signal, args: ['read-tree', tree] });
  return writeCommit({ ...facts, tree });
}
