import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AssayError } from '../errors.js';
import { hasCode, readIfExists } from '../util/files.js';
import { isObject } from '../util/json-file.js';
import { listed } from '../util/words.js';

/** Folders of instances, as the reference harness and SWE-bench/experiments lay them out. */
export interface LogsFolder {
  readonly folder: string;
  /** Names of its subfolders: instance ids, known or not. */
  readonly ids: readonly string[];
  /** Named by the folder: `<model>/<id>/...` of the reference, `<model>/logs/<id>/...` of SWE-bench/experiments. */
  readonly model: string;
}

/** What was published of one instance. */
export interface PublishedLog {
  readonly patch: string | undefined;
  /** The bytes of `test_output.txt`. */
  readonly log: Uint8Array | undefined;
  /** `resolved` of its report.json. */
  readonly resolved: boolean | undefined;
  /** What `run_instance.log` says after "Patch Apply Failed"; undefined where it doesn't. */
  readonly applyFailure: string | undefined;
}

const PATCH = 'patch.diff';
const LOG = 'test_output.txt';
const REPORT = 'report.json';
const FILES = new Set([PATCH, LOG, REPORT]);
/** `logs/run_evaluation/RUN/MODEL`, from the folder above. */
const DEPTH = 4;

/** The one folder at or below `root` that has folders of known instances; `usage` where there is none, or several. */
export async function findLogs(root: string, known: ReadonlySet<string>): Promise<LogsFolder> {
  const found = await search(root, known, DEPTH);
  const [folder, ...others] = found;
  if (folder === undefined)
    throw new AssayError(
      'usage',
      `${root}: no folder in it is named by an instance and holds ${[...FILES].join(', ')}`,
      {
        detail: 'expected logs/run_evaluation/RUN/MODEL/<instance id>/..., or logs/<instance id>/...',
      },
    );
  if (others.length > 0)
    throw new AssayError('usage', `${root} has the logs of several runs: name the folder of one`, {
      detail: listed(found),
    });
  const name = basename(folder) === 'logs' ? basename(dirname(folder)) : basename(folder);
  return { folder, ids: await subfolders(folder), model: name };
}

async function search(folder: string, known: ReadonlySet<string>, depth: number): Promise<readonly string[]> {
  const names = await subfolders(folder);
  for (const id of names.filter((name) => known.has(name)))
    if ((await readdir(join(folder, id))).some((name) => FILES.has(name))) return [folder];
  if (depth === 0) return [];
  const found: string[] = [];
  for (const name of names) found.push(...(await search(join(folder, name), known, depth - 1)));
  return found;
}

async function subfolders(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

/** The patch that was published with the logs of an instance. */
export function readPublishedPatch(folder: string, id: string): Promise<string | undefined> {
  return readIfExists(join(folder, id, PATCH));
}

/** All that was published of an instance. */
export async function readPublishedLog(folder: string, id: string): Promise<PublishedLog> {
  const runLog = (await readIfExists(join(folder, id, 'run_instance.log'))) ?? '';
  return {
    patch: await readPublishedPatch(folder, id),
    log: await readFile(join(folder, id, LOG)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }),
    resolved: resolvedOf(await readIfExists(join(folder, id, REPORT)), id),
    applyFailure: />>>>> Patch Apply Failed:?\s*([\s\S]{0,2000})/.exec(runLog)?.[1],
  };
}

/** A report.json is the report itself, or holds it under the id. */
function resolvedOf(text: string | undefined, id: string): boolean | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const report = value[id] ?? value;
  const resolved = isObject(report) ? report['resolved'] : undefined;
  return typeof resolved === 'boolean' ? resolved : undefined;
}
