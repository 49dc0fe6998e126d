import { resolve } from 'node:path';
import { AssayError } from '../errors.js';
import type { RunInstance, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { copyRun } from '../run/copy.js';
import { attemptFolder, readRun } from '../run/folder.js';
import { attemptKey } from '../run/ledger.js';
import { canonicalJson } from '../util/hash.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { finishReport } from './results.js';

interface MergeArgs {
  readonly runs: readonly string[];
  readonly output: string;
  readonly conflict: 'fail' | 'keep' | 'newest';
  readonly json: boolean;
}

/** As people number: `x-2` before `x-10`. */
const byId = new Intl.Collator('en', { numeric: true });

/** What shards of one run may differ in. */
const MAY_DIFFER = new Set(['shard', 'id', 'id-file', 'slice', 'limit']);

/** `assay merge`: shards of one run into one folder. */
export async function mergeCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as MergeArgs;
  const folders = args.runs.map((run) => resolve(host.cwd, run));
  const runs: RunResults[] = [];
  for (const folder of folders) runs.push(await readRun(folder));
  const [first] = runs;
  if (first === undefined) throw new AssayError('usage', 'name the run folders to merge');
  for (const [index, run] of runs.entries()) assertMergeable(first, run, args.runs[index] ?? '');
  const instances = new Map<string, RunInstance>();
  const attempts = new Map<string, { verdict: Verdict; from: string }>();
  for (const [index, run] of runs.entries()) {
    for (const instance of run.instances) instances.set(instance.instanceId, instance);
    for (const verdict of run.verdicts) {
      const key = attemptKey(verdict);
      const other = attempts.get(key)?.verdict;
      if (other !== undefined && args.conflict === 'fail')
        throw new AssayError(
          'usage',
          `${args.runs[index]} holds ${key}, as an earlier run does; choose --conflict keep or newest`,
        );
      if (other !== undefined && (args.conflict === 'keep' || other.finishedAt >= verdict.finishedAt))
        continue;
      attempts.set(key, {
        verdict,
        from: attemptFolder(folders[index] as string, verdict.instanceId, verdict.attempt),
      });
    }
  }
  const options = Object.fromEntries(
    Object.entries(first.manifest.settings.options).filter(([name]) => !MAY_DIFFER.has(name)),
  );
  const to = resolve(host.cwd, args.output);
  await copyRun({
    to,
    manifest: {
      ...first.manifest,
      createdAt: host.clock.iso(),
      settings: { ...first.manifest.settings, options },
    },
    instances: [...instances.values()].sort((a, b) => byId.compare(a.instanceId, b.instanceId)),
    attempts: [...attempts.values()],
    owner: host.self,
  });
  host.err(`${attempts.size} attempts of ${runs.length} runs merged`);
  await finishReport(await readRun(to), to, args.json, host);
  return EXIT.done;
}

function assertMergeable(first: RunResults, run: RunResults, name: string): void {
  const settings = ({ manifest }: RunResults) => ({
    ...manifest.settings,
    options: Object.fromEntries(
      Object.entries(manifest.settings.options).filter(([key]) => !MAY_DIFFER.has(key)),
    ),
  });
  const [a, b] = [settings(first), settings(run)] as [Record<string, unknown>, Record<string, unknown>];
  const differs = Object.keys(a).filter(
    (key) => canonicalJson(a[key] ?? null) !== canonicalJson(b[key] ?? null),
  );
  if (differs.length > 0)
    throw new AssayError(
      'run_changed',
      `${name} is not a shard of the same run: ${differs.join(', ')} differ`,
    );
}
