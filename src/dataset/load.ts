import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { AssayError } from '../errors.js';
import { sha256 } from '../util/hash.js';
import { nearest } from '../util/words.js';
import type { HubSettings } from './hub.js';
import { fetchSplit } from './pin.js';
import { DATA_FILE, type FileRows, readRows } from './read-rows.js';

/** What a short name stands for: a dataset of the Hub, or a file that we ship. Tables of these are in `datasets/*`. */
type DatasetSource =
  | { readonly dataset: string; readonly revision?: string; readonly split?: string }
  | { readonly file: string };
/** Name on the command line -> dataset of the Hub, or file. */
export type DatasetAliases = Readonly<Record<string, DatasetSource>>;

export interface LoadedRows extends FileRows {
  /** Hub id, or the file's name. */
  readonly name: string;
  /** Commit on the Hub, or `local`. */
  readonly revision: string;
  /** Where a split has several files, of the list of their hashes. */
  readonly sha256: string;
  /** For messages: the file, or the split's files in words. */
  readonly file: string;
}

export interface LoadOptions {
  /** An alias, a Hub id `owner/name`, or the path of a file. */
  readonly source: string;
  readonly aliases: DatasetAliases;
  /** Relative paths start here. */
  readonly cwd: string;
  /** Branch, tag or commit; default: the pinned one, see docs/data.md. */
  readonly revision?: string;
  /** Default: the alias's own, else `test`, else the only one. */
  readonly split?: string;
  /** Ask the Hub again what the revision stands for. */
  readonly refresh?: boolean;
  /** Our own cache folder: pins. */
  readonly cacheDir: string;
  readonly hub: HubSettings;
}

/** The rows of a dataset, with the revision and checksum that a report must name. Rejects with AssayError. */
export async function loadRows(options: LoadOptions): Promise<LoadedRows> {
  const source = await findSource(options);
  if ('file' in source) {
    const path = resolve(options.cwd, source.file);
    return { ...(await readRows(path)), name: basename(path), revision: 'local', file: source.file };
  }
  const { dataset } = source;
  const split = options.split ?? source.split;
  const revision = options.revision ?? source.revision;
  const { commit, files } = await fetchSplit({ ...options, dataset, split, revision });
  const parts = [];
  for (const { local } of files) parts.push(await readRows(local));
  const [first] = parts;
  const names = files.map((file) => file.path);
  return {
    rows: parts.length === 1 && first !== undefined ? first.rows : parts.flatMap((part) => part.rows),
    lines: parts.flatMap((part) => part.lines),
    name: dataset,
    revision: commit,
    sha256:
      parts.length === 1 && first !== undefined
        ? first.sha256
        : sha256(parts.map((part) => `${part.sha256}\n`).join('')),
    file: `${dataset} ${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ''}`,
  };
}

async function findSource({ source, aliases, cwd }: LoadOptions): Promise<DatasetSource> {
  const alias = Object.hasOwn(aliases, source.toLowerCase()) ? aliases[source.toLowerCase()] : undefined;
  if (alias !== undefined) return alias;
  if (DATA_FILE.test(source)) return { file: source };
  const known = await stat(resolve(cwd, source)).catch(() => undefined);
  if (known !== undefined)
    throw new AssayError(
      'unknown_dataset',
      `${source}: ${known.isDirectory() ? 'is a folder' : 'not a .parquet, .jsonl or .json file (each also .gz)'}`,
    );
  if (/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(source) && !source.includes('..'))
    return { dataset: source };
  const [near] = nearest(source, Object.keys(aliases), 1);
  throw new AssayError(
    'unknown_dataset',
    `${source}: no such dataset${near ? `; did you mean ${near}?` : ''}`,
    {
      detail: `Known aliases: ${Object.keys(aliases).join(', ')}`,
    },
  );
}
