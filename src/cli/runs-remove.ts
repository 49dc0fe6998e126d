import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AssayError } from '../errors.js';
import { FILES } from '../run/folder.js';
import { diskUsage } from '../util/disk.js';
import { takeLock } from '../util/lock.js';
import { showBytes } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { isRun } from './runs-list.js';

interface RemoveArgs {
  readonly runs: readonly string[];
  readonly yes: boolean;
  readonly 'dry-run': boolean;
  readonly json: boolean;
}

/** `assay runs rm`: all are looked at before the first one goes. */
export async function removeRuns(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { runs, yes, 'dry-run': dryRun, json } = raw as unknown as RemoveArgs;
  const folders = runs.map((run) => resolve(host.cwd, run));
  for (const [index, folder] of folders.entries())
    if (!(await isRun(folder))) throw new AssayError('run_not_found', `${runs[index]} is not a run folder`);
  if (!yes && !dryRun)
    throw usage(`${runs.join(', ')}: removed for good with --yes; --dry-run says what would be freed`);
  let freedBytes = 0;
  for (const [index, folder] of folders.entries()) {
    const bytes = await remove(folder, dryRun, host);
    freedBytes += bytes;
    if (json) host.out(JSON.stringify({ folder: runs[index], freedBytes: bytes, dryRun }));
    else host.out(`${runs[index]}  ${showBytes(bytes)}${dryRun ? ' would be freed' : ' freed'}`);
  }
  if (!json && runs.length > 1) host.out(`${runs.length} runs, ${showBytes(freedBytes)}`);
  return EXIT.done;
}

/** Rejects with `run_locked` while a process works there. What says that it is a run goes last, so that a removal that was killed can be repeated. */
async function remove(folder: string, dryRun: boolean, host: Host): Promise<number> {
  const release = await takeLock(join(folder, FILES.lock), host.self);
  try {
    const bytes = await diskUsage(folder);
    if (dryRun) return bytes;
    const last: readonly string[] = [FILES.manifest, FILES.instances, FILES.lock, 'journal.jsonl'];
    for (const name of await readdir(folder))
      if (!last.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    return bytes;
  } finally {
    await release();
  }
}
