import { AssayError } from '../errors.js';
import { listed } from '../util/words.js';
import { DATA_FILE } from './read-rows.js';

/** `data/test-00000-of-00002.parquet`, `test.jsonl.gz`, `test/0000.parquet` all belong to the split `test`. */
function splitOf(path: string): string {
  const parts = path.replace(DATA_FILE, '').split('/');
  const name = parts.at(-1) ?? '';
  const bare = name.replace(/-\d+-of-\d+(-[0-9a-f]+)?$/, '');
  return /^(\d+|part-.*)$/.test(bare) && parts.length > 1 ? (parts.at(-2) ?? '') : bare;
}

/**
 * The files of a split in a dataset repository, in name order: those of Parquet if there are any, else JSON lines,
 * else JSON. Without a split: `test`, or the only one there is. Throws AssayError(unknown_dataset) listing the splits.
 */
export function filesOfSplit(options: {
  readonly paths: readonly string[];
  readonly split: string | undefined;
  readonly dataset: string;
}): string[] {
  const { paths, split, dataset } = options;
  const bySplit = new Map<string, string[]>();
  for (const path of paths.filter((candidate) => DATA_FILE.test(candidate) && isSafe(candidate)))
    bySplit.set(splitOf(path), [...(bySplit.get(splitOf(path)) ?? []), path]);
  const names = [...bySplit.keys()].sort();
  const wanted = split ?? (names.length === 1 ? names[0] : 'test');
  const files = bySplit.get(wanted ?? '');
  if (files === undefined)
    throw new AssayError(
      'unknown_dataset',
      `${dataset} has no split "${wanted}"; it has ${listed(names, 40) || 'no data files'}`,
    );
  const kinds = [/\.parquet/i, /\.jsonl/i, /\.json/i].map((kind) => files.filter((path) => kind.test(path)));
  return (kinds.find((kind) => kind.length > 0) ?? []).sort();
}

/** The listing comes from a server and is joined onto a folder of ours. */
function isSafe(path: string): boolean {
  return (
    !/[\\:\u0000-\u001f]/.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
