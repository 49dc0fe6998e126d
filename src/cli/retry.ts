import { rename } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Verdict } from '../model/verdict.js';
import { attemptFolder, readManifest, readVerdicts } from '../run/folder.js';
import { type EvalArgs, evalCommand } from './eval.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';

type RetryArgs = Pick<
  EvalArgs,
  'id' | 'workers' | 'retries' | 'progress' | 'quiet' | 'json' | 'allow-unisolated'
> & {
  readonly run: string;
  readonly only: 'infra' | 'timeout';
};

/** `assay retry`: moves the chosen attempts aside, keeping them, and evaluates them again in place. */
export async function retryCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { run, only, id, ...others } = raw as RetryArgs;
  const folder = resolve(host.cwd, run);
  const manifest = await readManifest(folder);
  const chosen = (await readVerdicts(folder)).filter(
    (verdict) => matches(verdict, only) && (id === undefined || id.includes(verdict.instanceId)),
  );
  host.err(`${chosen.length} attempts to retry in ${run}`);
  if (chosen.length === 0) return EXIT.done;
  for (const { instanceId, attempt, finishedAt } of chosen) {
    const old = attemptFolder(folder, instanceId, attempt);
    await rename(old, `${old}.${finishedAt.replace(/[^0-9TZ]/g, '')}`);
  }
  const options = manifest.settings.options as Omit<EvalArgs, 'dataset'> & { dataset: string };
  return evalCommand({ ...others, ...options, 'run-id': manifest.runId, output: folder }, host);
}

function matches(verdict: Verdict, only: 'infra' | 'timeout'): boolean {
  return only === 'infra' ? verdict.outcome === 'infra_error' : verdict.reason === 'test_timeout';
}
