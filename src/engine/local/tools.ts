import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, join, sep } from 'node:path';
import { AssayError } from '../../errors.js';
import { command } from './command.js';

/** The programs of the host that a sandbox may use. */
export interface Tools {
  /** Absolute path of bash. */
  readonly bash: string;
  /** PATH inside: the folders where node, git and python3 really live, then what the given PATH has of the system's. */
  readonly path: string;
  /** Folders and files outside the system's own that a closed file system must show, read-only. */
  readonly prefixes: readonly string[];
  /** Names of those found, for a first try in the sandbox. */
  readonly names: readonly string[];
}

/** These are visible in every sandbox as they are. */
export const SYSTEM_FOLDERS = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/nix',
  '/gnu',
];

/** Package managers' folders: on PATH, but not shown where the file system is closed. */
const OPTIONAL_FOLDERS = ['/opt', '/snap'];

const PROBE_MS = 10_000;

/** Absolute path of a program on a PATH, or undefined. */
export async function which(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!folder.startsWith('/')) continue;
    const file = join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  return undefined;
}

/**
 * Asks node, git and python3 themselves where they live, because what PATH names may be a shim of nvm, pyenv or the like that
 * needs its owner's home. `execPath` is the node that runs us. Rejects with `engine_unavailable` when bash or git are missing.
 */
export async function findTools(options: {
  readonly path: string;
  readonly home: string;
  readonly execPath: string;
}): Promise<Tools> {
  const { path, home, execPath } = options;
  const ask = async (name: string, args: readonly string[]): Promise<readonly string[]> => {
    const file = await which(name, path);
    if (file === undefined) return [];
    const answer = command({ argv: [file, ...args], env: { PATH: path, HOME: home }, timeout: PROBE_MS });
    return answer.then(
      (text) => text.split('\n'),
      () => [],
    );
  };
  const node = async () => {
    const file = await which('node', path);
    if (file !== undefined && (await realpath(file)) === (await realpath(execPath))) return [execPath];
    return ask('node', ['-p', 'process.execPath']);
  };
  const pythonScript = 'import sys; print(sys.executable, sys.prefix, sys.base_prefix, sep="\\n")';
  const [bash, git, [nodePath], [pythonPath, ...pythonPrefixes]] = await Promise.all([
    which('bash', path),
    which('git', path),
    node(),
    ask('python3', ['-c', pythonScript]),
  ]);
  for (const [name, file] of Object.entries({ bash, git }))
    if (file === undefined)
      throw new AssayError('engine_unavailable', `the local engine needs ${name}, which is not on PATH`, {
        detail: `PATH=${path}`,
      });
  const found = { bash, git, node: nodePath, python3: pythonPath };
  const files = Object.values(found).filter((file) => file !== undefined);
  const real = await Promise.all(files.map((file) => realpath(file)));
  // A virtual environment's python is a link, and works only under its own name.
  const places = [...real, ...(pythonPath === undefined ? [] : [pythonPath])];
  const folders = [...new Set(places.map(dirname))].filter((folder) => !isSystem(folder));
  const prefixes = [...places.map((file) => prefixOf(file, home)), ...pythonPrefixes];
  const shown = outermost(prefixes.filter((prefix) => !isSystem(prefix) && !holds(prefix, home)));
  const kept = path
    .split(delimiter)
    .filter((folder) =>
      [...SYSTEM_FOLDERS, ...OPTIONAL_FOLDERS, ...shown].some((base) => holds(base, folder)),
    );
  return {
    bash: bash as string,
    path: [...new Set([...folders, ...kept])].join(delimiter),
    prefixes: shown,
    names: Object.keys(found).filter((name) => found[name as keyof typeof found] !== undefined),
  };
}

/** `/x/node-20` for `/x/node-20/bin/node`; the file itself where that folder would show more than the tool. */
function prefixOf(file: string, home: string): string {
  const prefix = dirname(dirname(file));
  const isOwn = basename(dirname(file)) === 'bin' && !holds(prefix, home) && prefix !== join(home, '.local');
  return isOwn ? prefix : file;
}

function holds(folder: string, path: string): boolean {
  return folder === path || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

function isSystem(path: string): boolean {
  return SYSTEM_FOLDERS.some((folder) => holds(folder, path));
}

function outermost(paths: readonly string[]): readonly string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && holds(other, path)));
}
