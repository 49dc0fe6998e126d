import { AssayError, canonicalJson, sha256 } from '../../../src/index.js';

type Row = Readonly<Record<string, unknown>>;

/** The row of a task is in two files, so that a task without its solution holds no answer. */
export const ROW_FILE = 'tests/row.json';
export const GOLD_FILE = 'solution/gold.patch';

/** The file that `rowOf` reads, without the gold patch. */
export function rowFile({ patch: _, ...row }: Row, rowHash: string): string {
  return `${JSON.stringify({ rowHash, row }, undefined, 1)}\n`;
}

/** The row that a task folder was exported from. `read` gives undefined for a file that isn't there. */
export async function rowOf(
  read: (path: string) => Promise<string | undefined>,
  folder: string,
): Promise<Row> {
  const [task, kept, patch] = await Promise.all(['task.toml', ROW_FILE, GOLD_FILE].map(read));
  if (task === undefined) throw new AssayError('bad_task', `${folder} has no task.toml`);
  if (kept === undefined)
    throw new AssayError(
      'bad_task',
      `${folder} is a Harbor task that assay did not export: its tests/test.sh decides by a reward file, and an instance is graded by the names of tests in a log`,
    );
  if (patch === undefined)
    throw new AssayError('bad_task', `${folder} was exported with --no-solution: a row needs its gold patch`);
  const { rowHash, row } = parse(kept, `${folder}/${ROW_FILE}`);
  const whole = { ...row, patch };
  if (sha256(canonicalJson(whole)) !== rowHash)
    throw new AssayError('bad_task', `${folder}: ${ROW_FILE} or ${GOLD_FILE} was changed after the export`);
  return whole;
}

function parse(text: string, path: string): { readonly rowHash: unknown; readonly row: Row } {
  try {
    const value = JSON.parse(text) as { readonly rowHash?: unknown; readonly row?: unknown } | null;
    if (typeof value?.row === 'object' && value.row !== null)
      return { rowHash: value.rowHash, row: value.row as Row };
  } catch {}
  throw new AssayError('bad_task', `${path} holds no row`);
}
