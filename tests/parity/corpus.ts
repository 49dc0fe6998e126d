import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { v4_1, v5 } from '../../benchmarks/swe-bench/profiles.js';
import type { EvalType, GradeTarget, GradingProfile, TestsStatus } from '../../src/index.js';

/** The official outcome of one log. */
export interface Official extends TestsStatus {
  readonly applied: boolean;
  readonly resolved: boolean;
}

/** One recorded log with the outcomes that the official harnesses gave it. */
export interface CorpusEntry {
  /** Path of the gzipped log in the corpus folder. */
  readonly log: string;
  readonly instance_id: string;
  /** Who published it. */
  readonly source: string;
  readonly expected: Readonly<Record<'v4.1' | 'v5', Official>>;
}

/** A profile, and the rows that it grades by, by instance id. */
export interface Contender {
  readonly profile: GradingProfile & { readonly name: 'v4.1' | 'v5' };
  readonly targets: ReadonlyMap<string, GradeTarget>;
}

interface Row {
  readonly instance_id: string;
  readonly repo: string;
  readonly FAIL_TO_PASS: string | readonly string[];
  readonly PASS_TO_PASS: string | readonly string[];
  readonly log_parser?: string;
  readonly eval_type?: EvalType;
}

/** The entries of `DIR/expected.jsonl.gz`; throws if the folder holds none. */
export function readEntries(dir: string): readonly CorpusEntry[] {
  const name = readdirSync(dir).find((file) => file === 'expected.jsonl.gz' || file === 'expected.jsonl');
  if (name === undefined) throw new Error(`no expected.jsonl.gz in ${dir}`);
  return jsonLines<CorpusEntry>(join(dir, name));
}

/** The text of an entry's log; like the reference it replaces what isn't UTF-8 and keeps a byte order mark. */
export function readLog(dir: string, entry: CorpusEntry): string {
  return readBytes(join(dir, entry.log)).toString('utf8');
}

/** Both profiles with the rows that each was published with: 13 fields in 2025, a named parser in 2026. */
export async function readContenders(rows: {
  rows2025: string;
  rows2026: string;
}): Promise<readonly Contender[]> {
  return [
    { profile: v4_1 as Contender['profile'], targets: targetsOf(await readRows(rows.rows2025)) },
    { profile: v5 as Contender['profile'], targets: targetsOf(await readRows(rows.rows2026)) },
  ];
}

async function readRows(path: string): Promise<readonly Row[]> {
  if (!path.endsWith('.parquet')) return jsonLines<Row>(path);
  const file = await asyncBufferFromFile(path);
  return (await parquetReadObjects({ file, compressors })) as Row[];
}

function targetsOf(rows: readonly Row[]): ReadonlyMap<string, GradeTarget> {
  return new Map(
    rows.map((row) => [
      row.instance_id,
      {
        instanceId: row.instance_id,
        failToPass: list(row.FAIL_TO_PASS),
        passToPass: list(row.PASS_TO_PASS),
        logParser: row.log_parser ?? row.repo,
        evalType: row.eval_type ?? 'pass_and_fail',
      },
    ]),
  );
}

function list(ids: string | readonly string[]): readonly string[] {
  return typeof ids === 'string' ? (JSON.parse(ids) as string[]) : ids;
}

function jsonLines<T>(path: string): readonly T[] {
  return readBytes(path)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

function readBytes(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}
