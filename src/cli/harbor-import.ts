import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { rowOf } from '../../plugins/oracles/harbor/index.js';
import { toInstances } from '../dataset/format.js';
import type { Row } from '../dataset/row.js';
import { AssayError } from '../errors.js';
import { hasCode, readIfExists, writeAtomic } from '../util/files.js';
import { describeError, EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { datasetFormats } from './registry.js';

type ImportArgs = Readonly<{ folders: readonly string[]; output: string; json: boolean }>;

/** `assay harbor import`: the rows of tasks that were exported from rows. */
export async function harborImport(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ImportArgs;
  if (!args.output.endsWith('.jsonl')) throw usage(`-o ${args.output}: expected a .jsonl file`);
  const folders = (await Promise.all(args.folders.map((path) => tasksIn(path, host.cwd)))).flat();
  const rows: Row[] = [];
  for (const folder of folders) {
    try {
      rows.push(await rowOf((path) => readIfExists(join(folder, path)), folder));
    } catch (error) {
      if (!(error instanceof AssayError) || error.code !== 'bad_task') throw error;
      host.err(describeError(error));
    }
  }
  const failed = folders.length - rows.length;
  if (rows.length > 0) {
    toInstances({ rows, formats: datasetFormats, file: args.folders.join(', ') });
    await writeAtomic(resolve(host.cwd, args.output), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
  host.out(
    args.json
      ? JSON.stringify({ rows: rows.length, failed })
      : `${rows.length === 0 ? 'no rows' : `${rows.length} rows in ${args.output}`}; ${failed} of ${folders.length} tasks can't be rows`,
  );
  return failed === 0 ? EXIT.done : EXIT.usage;
}

/** A task folder itself, or those in it. */
async function tasksIn(path: string, cwd: string): Promise<readonly string[]> {
  const folder = resolve(cwd, path);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw hasCode(error, 'ENOENT') ? usage(`${path}: no such folder`) : error;
  });
  if (entries.some(({ name }) => name === 'task.toml')) return [folder];
  const inside = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  if (inside.length === 0) throw usage(`${path}: holds no task.toml and no folders`);
  return inside.sort();
}
