import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { AssayError } from '../errors.js';
import type { RunInstance, RunManifest, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { hasCode, readIfExists } from '../util/files.js';

/** Names of the files of a run folder; docs/run-folder.md describes them. */
export const FILES = {
  manifest: 'run.json',
  instances: 'instances.jsonl',
  events: 'events.jsonl',
  lock: 'lock',
  patch: 'patch.diff',
  log: 'test.log.gz',
  verdict: 'verdict.json',
} as const;

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
  return parse<RunManifest>(text, join(run, FILES.manifest));
}

/** Instances, manifest and the verdict of each finished attempt. */
export async function readRun(run: string): Promise<RunResults> {
  const manifest = await readManifest(run);
  const path = join(run, FILES.instances);
  const lines = ((await readIfExists(path)) ?? '').split('\n').filter((line) => line !== '');
  return {
    manifest,
    instances: lines.map((line, index) => parse<RunInstance>(line, `${path}:${index + 1}`)),
    verdicts: await readVerdicts(run),
  };
}

/** Every verdict of a run folder, in order of instance and attempt. A folder without one is an unfinished attempt. */
export async function readVerdicts(run: string): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const id of await folders(join(run, 'i'))) {
    for (const attempt of await folders(join(run, 'i', id))) {
      if (!/^\d+$/.test(attempt)) continue;
      const path = join(run, 'i', id, attempt, FILES.verdict);
      const text = await readIfExists(path);
      if (text !== undefined) verdicts.push(parse<Verdict>(text, path));
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

/** The test log of an attempt, or undefined when the tests were not reached. */
export async function readLog(run: string, instanceId: string, attempt: number): Promise<string | undefined> {
  const path = join(attemptFolder(run, instanceId, attempt), FILES.log);
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of createReadStream(path).pipe(createGunzip())) chunks.push(chunk as Uint8Array);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    // A log cut short by a crash: what was written is still the evidence.
    if (!hasCode(error, 'Z_BUF_ERROR')) throw error;
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(chunks));
}

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

function parse<T extends object>(text: string, where: string): T {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // Falls through to the error below, which names the file.
  }
  throw new AssayError('run_damaged', `${where} is not the JSON that a run writes`);
}
