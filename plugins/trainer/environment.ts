import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError, packageRoot, sha256 } from '../../src/index.js';

/** Folder of the trainer's Python sources. */
export function pythonFolder(): string {
  return join(packageRoot(), 'plugins', 'trainer', 'python');
}

/** Where `npm run trainer:setup` makes the environment of these requirements; `scripts/trainer-setup.mjs` says the same. */
export function environmentFolder(cacheFolder: string, requirements: string | Uint8Array): string {
  return join(cacheFolder, 'trainer', sha256(requirements).slice(0, 12));
}

/** The Python of the environment that `npm run trainer:setup` made. Rejects with `trainer_missing` where there is none that is whole. */
export async function preparedPython(cacheFolder: string): Promise<string> {
  const folder = environmentFolder(cacheFolder, await readFile(join(pythonFolder(), 'requirements.txt')));
  try {
    // Written last.
    await access(join(folder, 'ready'));
  } catch (error) {
    throw new AssayError('trainer_missing', `there is no Python environment of the trainer in ${folder}`, {
      cause: error,
    });
  }
  return join(folder, 'bin', 'python');
}
