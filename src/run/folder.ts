import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, gunzip, type ZlibOptions } from 'node:zlib';
import type { Static, TSchema } from 'typebox';
import { AssayError } from '../errors.js';
import { RunInstance, RunManifest, type RunResults } from '../model/run.js';
import { Validation } from '../model/validation.js';
import { Verdict } from '../model/verdict.js';
import { hasCode, readIfExists } from '../util/files.js';
import { schemaFault } from '../util/schema.js';
import { inShard } from '../util/shard.js';
import { messageOf } from '../util/words.js';

/** Names of the files of a run folder; docs/run-folder.md describes them. */
export const FILES = {
  manifest: 'run.json',
  instances: 'instances.jsonl',
  events: 'events.jsonl',
  validation: 'validation.json',
  report: 'report.json',
  lock: 'lock',
  patch: 'patch.diff',
  log: 'test.log.gz',
  restored: 'restored.log.gz',
  inverted: 'inverted.log.gz',
  verdict: 'verdict.json',
} as const;

/** Of an attempt's folder, what its verdict rests on. */
export const EVIDENCE = [FILES.patch, FILES.log, FILES.restored, FILES.inverted] as const;

/** Folder of one attempt, `i/<instance id>/<attempt>`. */
export function attemptFolder(run: string, instanceId: string, attempt: number): string {
  return join(run, 'i', instanceId, String(attempt));
}

/** The manifest of a run folder; `run_not_found` when there is none. */
export async function readManifest(run: string): Promise<RunManifest> {
  const text = await readIfExists(join(run, FILES.manifest)).catch((error: unknown) => {
    if (hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  });
  if (text === undefined)
    throw new AssayError('run_not_found', `${run} is not a run folder: it has no ${FILES.manifest}`);
  return parse(text, RunManifest, join(run, FILES.manifest));
}

/** What `assay validate` found in this run folder; `run_not_found` when it is none of such a run. */
export async function readValidation(run: string): Promise<Validation> {
  const path = join(run, FILES.validation);
  const text = await readIfExists(path);
  if (text === undefined)
    throw new AssayError(
      'run_not_found',
      `${run} is no run of \`assay validate\`: it has no ${FILES.validation}`,
    );
  return parse(text, Validation, path);
}

/** Manifest, instances of the run's shard, and the verdict of each finished attempt. */
export async function readRun(run: string): Promise<RunResults> {
  const manifest = await readManifest(run);
  return {
    manifest,
    instances: inShard(await readInstances(run), shardName(manifest)),
    verdicts: await readVerdicts(run),
  };
}

/** The chosen instances of all shards: a merge knows by them what is missing. */
export async function readInstances(run: string): Promise<readonly RunInstance[]> {
  const path = join(run, FILES.instances);
  const text = await readIfExists(path);
  if (text === undefined) throw new AssayError('run_damaged', `${path} is missing`);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line, index) => parse(line, RunInstance, `${path}:${index + 1}`));
}

/** The shard that a run is of, as on the command line; undefined for a whole run. */
export function shardName({ settings }: RunManifest): string | undefined {
  const { shard } = settings.options;
  return typeof shard === 'string' ? shard : undefined;
}

/** Every verdict of a run folder, in order of instance and attempt. A folder without one is an unfinished attempt. */
export async function readVerdicts(run: string): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const id of await folders(join(run, 'i'))) {
    for (const attempt of await folders(join(run, 'i', id))) {
      if (!/^\d+$/.test(attempt)) continue;
      const path = join(run, 'i', id, attempt, FILES.verdict);
      const text = await readIfExists(path);
      if (text === undefined) continue;
      const verdict = parse(text, Verdict, path);
      if (verdict.instanceId !== id || String(verdict.attempt) !== attempt)
        throw new AssayError('run_damaged', `${path} is the verdict of another attempt`);
      verdicts.push(verdict);
    }
  }
  return verdicts.sort((a, b) =>
    a.instanceId === b.instanceId ? a.attempt - b.attempt : a.instanceId < b.instanceId ? -1 : 1,
  );
}

/** The patch of an attempt as submitted; empty when it had none. */
export async function readPatch(run: string, instanceId: string, attempt: number): Promise<string> {
  return (await readIfExists(join(attemptFolder(run, instanceId, attempt), FILES.patch))) ?? '';
}

/** The test log of an attempt, or undefined when the tests were not reached. With `whole`, `run_damaged` when it is cut short. */
export async function readLog(
  run: string,
  instanceId: string,
  attempt: number,
  { whole = false }: { readonly whole?: boolean } = {},
): Promise<string | undefined> {
  const path = join(attemptFolder(run, instanceId, attempt), FILES.log);
  let packed: Uint8Array;
  try {
    packed = await readFile(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  // A log that a crash cut short is still the evidence: what is there is unpacked, and a missing end is no error.
  const finishFlush = whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const bytes = await unpack(packed, { finishFlush }).catch((cause: unknown) => {
    throw new AssayError('run_damaged', `${path} is not the gzip file that a run writes`, { cause });
  });
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** Logs of an attempt: of the official run, then of the further runs of a strict verdict. */
export const LOGS = { test: FILES.log, restored: FILES.restored, inverted: FILES.inverted } as const;
export type LogName = keyof typeof LOGS;

/** The logs of an attempt as they are stored, gzip. */
export async function readPackedLogs(
  run: string,
  instanceId: string,
  attempt: number,
): Promise<readonly { readonly name: LogName; readonly bytes: Buffer }[]> {
  const logs = [];
  for (const name of Object.keys(LOGS) as LogName[])
    try {
      logs.push({ name, bytes: await readFile(join(attemptFolder(run, instanceId, attempt), LOGS[name])) });
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  return logs;
}

const unpack = promisify<Uint8Array, ZlibOptions, Uint8Array>(gunzip);

async function folders(path: string): Promise<string[]> {
  try {
    return (await readdir(path, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function parse<T extends TSchema>(text: string, schema: T, where: string): Static<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AssayError('run_damaged', `${where} is not JSON: ${messageOf(error)}`);
  }
  const fault = schemaFault(value, schema);
  if (fault !== undefined) throw new AssayError('run_damaged', `${where} is not what a run writes: ${fault}`);
  return value as Static<T>;
}
