import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError } from '../errors.js';
import type { RunInstance, RunManifest } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { hasCode, readIfExists, writeAtomic } from '../util/files.js';
import type { ProcessIdentity } from '../util/process.js';
import { attemptFolder, EVIDENCE, FILES } from './folder.js';
import { type Ledger, openLedger } from './ledger.js';

export interface NewRun {
  /** A folder that holds no run yet. */
  readonly to: string;
  readonly manifest: RunManifest;
  readonly instances: readonly RunInstance[];
  readonly owner: ProcessIdentity;
}

interface CopyRunOptions extends NewRun {
  /** Verdicts to write, each with the attempt folder whose patch and log belong to it. */
  readonly attempts: readonly { readonly verdict: Verdict; readonly from: string }[];
}

/** Writes a run folder from attempts of other ones: the base of `merge` and `regrade`. */
export async function copyRun({ attempts, ...run }: CopyRunOptions): Promise<void> {
  await writeRun(run, async (ledger) => {
    for (const { verdict, from } of attempts) {
      const folder = attemptFolder(run.to, verdict.instanceId, verdict.attempt);
      await mkdir(folder, { recursive: true });
      for (const name of EVIDENCE)
        await copyFile(join(from, name), join(folder, name)).catch((error: unknown) => {
          if (!hasCode(error, 'ENOENT')) throw error;
        });
      await writeAtomic(join(folder, FILES.verdict), `${JSON.stringify(verdict, null, 2)}\n`);
      await ledger.append({ type: 'verdict', at: verdict.finishedAt, verdict });
    }
  });
}

/** Makes a run folder of attempts that are there already: `fill` writes them. `usage` where the folder holds a run. */
export async function writeRun(
  { to, manifest, instances, owner }: NewRun,
  fill: (ledger: Ledger) => Promise<void>,
): Promise<void> {
  if ((await readIfExists(join(to, FILES.manifest))) !== undefined)
    throw new AssayError('usage', `${to} holds a run already; name another folder with --output`);
  const ledger = await openLedger({ folder: to, manifest, instances, owner });
  try {
    await fill(ledger);
  } catch (error) {
    // Half a copy is no run; the next try may use the same folder.
    await rm(join(to, FILES.manifest), { force: true });
    throw error;
  } finally {
    await ledger.close();
  }
}
