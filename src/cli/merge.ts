import { resolve } from 'node:path';
import { AssayError } from '../errors.js';
import type { RunInstance, RunManifest, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { copyRun } from '../run/copy.js';
import { attemptFolder, readInstances, readRun, shardName } from '../run/folder.js';
import { attemptKey } from '../run/ledger.js';
import { settingsChanges } from '../run/settings.js';
import { canonicalJson } from '../util/hash.js';
import { parseShard, type Shard, shardOf } from '../util/shard.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { finishReport } from './results.js';

interface MergeArgs {
  readonly runs: readonly string[];
  readonly output: string;
  readonly conflict: 'fail' | 'keep' | 'newest';
  readonly json: boolean;
}

/** A run folder to merge. */
interface Part extends RunResults {
  /** As on the command line. */
  readonly name: string;
  readonly folder: string;
  /** Of all shards. */
  readonly planned: readonly RunInstance[];
  /** Undefined for a run that is no shard. */
  readonly shard: Shard | undefined;
}

/** What shards of one run may differ in. */
const MAY_DIFFER = new Set(['shard', 'id', 'id-file', 'slice', 'limit']);

/** `assay merge`: shards of one run into one folder. */
export async function mergeCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as MergeArgs;
  const parts: Part[] = [];
  for (const name of args.runs) parts.push(await readPart(name, host));
  const [first] = parts;
  if (first === undefined) throw usage('name the run folders to merge');
  for (const part of parts) assertSameRun(first, part);
  if (args.conflict === 'fail') assertNoShardTwice(parts);
  const instances = new Map(parts.flatMap(({ planned }) => planned).map((item) => [item.instanceId, item]));
  const attempts = mergedAttempts(parts, args.conflict);
  const to = resolve(host.cwd, args.output);
  await copyRun({
    to,
    manifest: {
      ...first.manifest,
      createdAt: host.clock.iso(),
      settings: { ...first.manifest.settings, options: commonOptions(parts) },
    },
    instances: [...instances.values()],
    attempts: [...attempts.values()],
    owner: host.self,
  });
  host.err(`${attempts.size} attempts of ${parts.length} runs merged`);
  const results = await readRun(to);
  for (const line of unfinished(parts, results)) host.err(`warning: ${line}`);
  const { incomplete } = await finishReport(results, to, args.json, host);
  return incomplete ? EXIT.infraLeft : EXIT.done;
}

async function readPart(name: string, host: Host): Promise<Part> {
  const folder = resolve(host.cwd, name);
  const results = await readRun(folder);
  const shard = shardName(results.manifest);
  return {
    ...results,
    name,
    folder,
    planned: await readInstances(folder),
    shard: shard === undefined ? undefined : parseShard(shard),
  };
}

function mergedAttempts(parts: readonly Part[], conflict: MergeArgs['conflict']) {
  const attempts = new Map<string, { readonly verdict: Verdict; readonly from: string }>();
  for (const { name, folder, verdicts } of parts)
    for (const verdict of verdicts) {
      const key = attemptKey(verdict);
      const other = attempts.get(key)?.verdict;
      if (other !== undefined && conflict === 'fail')
        throw usage(`${name} holds ${key}, as an earlier run does; choose --conflict keep or newest`);
      if (other !== undefined && (conflict === 'keep' || other.finishedAt >= verdict.finishedAt)) continue;
      const from = attemptFolder(folder, verdict.instanceId, verdict.attempt);
      attempts.set(key, { verdict, from });
    }
  return attempts;
}

/** The flags of the run that the parts make together; by them `retry` and `eval` go on in its folder. */
function commonOptions(parts: readonly Part[]): Record<string, unknown> {
  const [first = {}, ...others] = parts.map(({ manifest }) => manifest.settings.options);
  const isCommon = (name: string, value: unknown) =>
    others.every((options) => canonicalJson(options[name] ?? null) === canonicalJson(value));
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => name !== 'shard' && isCommon(name, value)),
  );
}

function assertSameRun(first: Part, part: Part): void {
  const changes = settingsChanges(comparable(first.manifest), comparable(part.manifest));
  if (changes.length > 0)
    throw new AssayError(
      'run_changed',
      `${part.name} is of another run than ${first.name}:\n${changes.join('\n')}`,
    );
  const [count, other] = [first.shard?.count, part.shard?.count];
  if (count !== undefined && other !== undefined && count !== other)
    throw usage(
      `${first.name} is one of ${count} shards, ${part.name} one of ${other}: merge the shards of one split`,
    );
}

function comparable({ settings }: RunManifest): RunManifest['settings'] {
  const entries = Object.entries(settings.options).filter(([name]) => !MAY_DIFFER.has(name));
  return { ...settings, options: Object.fromEntries(entries) };
}

function assertNoShardTwice(parts: readonly Part[]): void {
  const seen = new Map<number, string>();
  for (const { name, shard } of parts) {
    if (shard === undefined) continue;
    const other = seen.get(shard.index);
    if (other !== undefined)
      throw usage(
        `${other} and ${name} are both shard ${shard.index}/${shard.count}: leave one out, or choose --conflict keep or newest`,
      );
    seen.set(shard.index, name);
  }
}

/** A line on each shard that isn't there, unless a whole run is, and on each that isn't finished. */
function unfinished(parts: readonly Part[], { instances, verdicts }: RunResults): readonly string[] {
  const count = parts.find(({ shard }) => shard !== undefined)?.shard?.count ?? 0;
  const isAllThere = parts.some(({ shard }) => shard === undefined);
  const judged = new Map<string, number>();
  for (const { instanceId } of verdicts) judged.set(instanceId, (judged.get(instanceId) ?? 0) + 1);
  return Array.from({ length: count }, (_, at) => at + 1).flatMap((index) => {
    const missing = instances
      .filter(({ instanceId }) => shardOf(instanceId, count) === index)
      .reduce((sum, { instanceId, attempts = 0 }) => sum + attempts - (judged.get(instanceId) ?? 0), 0);
    const part = parts.find(({ shard }) => shard?.index === index);
    if (missing === 0 && (part !== undefined || isAllThere)) return [];
    const what = part === undefined ? 'is missing' : `(${part.name}) is not finished`;
    return [`shard ${index}/${count} ${what}: ${missing} attempts without a verdict`];
  });
}
