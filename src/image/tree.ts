import { gitBytes, gitText } from './git.js';
import { foldersOf, type LayerEntry } from './layer.js';

const EXECUTABLE = '100755';
const LINK = '120000';
const SUBMODULE = '160000';

/** A tracked file; `mode` is git's: 100644, 100755, 120000 (link), 160000 (submodule: an empty folder, as after a plain clone). */
export interface TreeFile {
  readonly mode: string;
  readonly object: string;
}

/** The tracked files of a commit by path. */
export type Tree = ReadonlyMap<string, TreeFile>;

interface TreeOptions {
  readonly repository: string;
  readonly commit: string;
  readonly signal: AbortSignal;
}

/** Reads the tree of a commit. */
export async function treeAt({ repository, commit, signal }: TreeOptions): Promise<Tree> {
  const listed = await gitText({ repository, signal, args: ['ls-tree', '-r', '-z', commit] });
  const tree = new Map<string, TreeFile>();
  for (const line of listed.split('\0')) {
    const tab = line.indexOf('\t');
    const [mode = '', , object = ''] = line.slice(0, tab).split(' ');
    if (tab !== -1) tree.set(line.slice(tab + 1), { mode, object });
  }
  return tree;
}

/** What turns one tree into another. */
export interface TreeChange {
  /** New and changed files. */
  readonly written: Tree;
  /** Files, and the topmost of the folders that are no more; nothing below those folders. */
  readonly deleted: readonly string[];
}

/** The difference between two trees; from nothing when `from` is undefined. */
export function treeChange(from: Tree | undefined, to: Tree): TreeChange {
  const written = new Map<string, TreeFile>();
  for (const [path, file] of to) {
    const old = from?.get(path);
    if (old?.object !== file.object || old.mode !== file.mode) written.set(path, file);
  }
  const folders = foldersOf(to.keys());
  const deleted = new Set<string>();
  for (const path of from?.keys() ?? []) {
    if (to.has(path)) continue;
    const parts = path.split('/');
    for (let depth = 1; depth <= parts.length; depth++) {
      const part = parts.slice(0, depth).join('/');
      if (folders.has(part) || to.get(part)?.mode === SUBMODULE) continue;
      // A file that took a folder's place, or the other way round, hides it by itself.
      if (!to.has(part)) deleted.add(part);
      break;
    }
  }
  return { written, deleted: [...deleted].sort() };
}

/** Contents of objects by name. */
async function readObjects(
  repository: string,
  objects: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  if (objects.length === 0) return found;
  const input = `${[...new Set(objects)].join('\n')}\n`;
  const out = await gitBytes({ repository, signal, input, args: ['cat-file', '--batch'] });
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(10, at);
    const [object = '', , size = '0'] = out.subarray(at, end).toString().split(' ');
    const from = end + 1;
    const to = from + Number(size);
    found.set(object, out.subarray(from, to));
    at = to + 1;
  }
  return found;
}

/** What a tree change writes and deletes below a folder of the image, as entries of a layer. */
export async function treeEntries(options: {
  readonly repository: string;
  readonly change: TreeChange;
  /** Path of the tree in the image, relative to `/`. */
  readonly root: string;
  readonly signal: AbortSignal;
}): Promise<readonly LayerEntry[]> {
  const { repository, change, root, signal } = options;
  const files = [...change.written].filter(([, { mode }]) => mode !== SUBMODULE);
  const contents = await readObjects(
    repository,
    files.map(([, { object }]) => object),
    signal,
  );
  return [
    ...[...change.written].map(([name, { mode, object }]): LayerEntry => {
      const path = `${root}/${name}`;
      if (mode === SUBMODULE) return { path, kind: 'folder' };
      const content = contents.get(object) as Buffer;
      if (mode === LINK) return { path, kind: 'link', target: content.toString() };
      return { path, kind: 'file', content, mode: mode === EXECUTABLE ? 0o755 : 0o644 };
    }),
    ...change.deleted.map((name): LayerEntry => ({ path: `${root}/${name}`, kind: 'deletion' })),
  ];
}
