import { resolve } from 'node:path';
import type { Verdict } from '../model/verdict.js';
import { readRun } from '../run/folder.js';
import { IMPORTED } from '../run/import.js';
import { evalCommand } from './evaluate.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import type { EvalArgs } from './run-flags.js';

type RetryArgs = Pick<
  EvalArgs,
  'id' | 'workers' | 'retries' | 'progress' | 'quiet' | 'json' | 'allow-unisolated' | 'offline'
> & {
  readonly run: string;
  readonly only: 'infra' | 'timeout';
};

/** `assay retry`: evaluates the chosen attempts again in place, and those that an earlier retry did not come to. */
export async function retryCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { run, only, id, ...others } = raw as RetryArgs;
  const folder = resolve(host.cwd, run);
  const { manifest, instances, verdicts } = await readRun(folder);
  if (manifest.settings.engine === IMPORTED)
    throw usage(`${run} was imported: \`assay eval -p\` evaluates its predictions here`);
  const isChosen = (verdict: Verdict) =>
    matches(verdict, only) && (id === undefined || id.includes(verdict.instanceId));
  const chosen = verdicts.filter(isChosen).length;
  const planned = instances.reduce((sum, { attempts = 0 }) => sum + attempts, 0);
  const missing = Math.max(0, planned - verdicts.length);
  host.err(`${chosen} attempts to retry in ${run}${missing > 0 ? `, ${missing} without a verdict` : ''}`);
  if (chosen + missing === 0) return EXIT.done;
  const options = manifest.settings.options as Omit<EvalArgs, 'dataset'> & { dataset: string };
  return evalCommand({ ...others, ...options, 'run-id': manifest.runId, output: folder }, host, isChosen);
}

function matches(verdict: Verdict, only: 'infra' | 'timeout'): boolean {
  return only === 'infra' ? verdict.outcome === 'infra_error' : verdict.reason === 'test_timeout';
}
