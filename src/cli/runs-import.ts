import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Prediction } from '../model/prediction.js';
import type { Verdict } from '../model/verdict.js';
import { readPredictions, toPrediction } from '../patch/read.js';
import { readRun } from '../run/folder.js';
import {
  AS_PUBLISHED,
  differsFromReport,
  IMPORTED,
  type ImportJob,
  importRun,
  loggedVerdict,
  publishedVerdict,
} from '../run/import.js';
import { readOutcomes } from '../run/published.js';
import { findLogs, readPublishedLog, readPublishedPatch } from '../run/published-logs.js';
import { hasCode } from '../util/files.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { listed, withHints } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { type LoadedDataset, loadInstances } from './inputs.js';
import { DEFINING, definingOptions, planOf } from './plan.js';
import { finishReport } from './results.js';
import type { EvalArgs } from './run-flags.js';

type ImportArgs = EvalArgs & { readonly source: string };

/** Patch of each instance that something was submitted for; undefined: it was not published. */
type Submissions = ReadonlyMap<string, string | null | undefined>;

/** What was published, whatever its form. */
interface Publication {
  readonly format: string;
  readonly model: string | undefined;
  readonly sha256: string;
  readonly submissions: Submissions;
  /** Absent: our own grader judges its logs. */
  readonly graderVersion?: string;
  readonly judged: (
    given: ImportJob,
  ) => Promise<{ readonly verdict: Verdict; readonly log?: Uint8Array | undefined }>;
}

/** `assay runs import`: a run folder of what others published, with no engine. */
export async function importPublished(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as unknown as ImportArgs;
  const dataset = await loadInstances(args, host);
  const own = args.predictions === undefined ? undefined : await ownPatches(args.predictions, dataset, host);
  const path = resolve(host.cwd, args.source);
  const read = (await isFolder(path, args.source)) ? ofLogs : ofOutcomes;
  const publication = await read({ path, args, dataset, own, host });
  const model = args.model ?? publication.model ?? own?.model;
  if (model === undefined) throw usage(`${args.source} names no model: give it with --model`);
  const { submissions } = publication;
  assertKnown(args.source, [...submissions.keys()], dataset);
  const predictions = [...submissions].map(
    ([instanceId, patch]): Prediction =>
      toPrediction({ instanceId, model, attempt: 1, patch: patch ?? null }),
  );
  const { manifest, folder, instances, jobs } = planOf(args, host, {
    ...{ dataset, predictions, model, label: model, trusted: true },
    source: own === undefined ? args.source : `${args.source} and ${args.predictions}`,
    sha256: own === undefined ? publication.sha256 : `${publication.sha256} ${own.sha256}`,
    options: definingOptions(args, DEFINING),
  });
  const differing: string[] = [];
  await importRun({
    to: folder,
    manifest: {
      ...manifest,
      settings: {
        ...manifest.settings,
        graderVersion: publication.graderVersion ?? manifest.settings.graderVersion,
        engine: IMPORTED,
        timeoutSeconds: 0,
      },
      machine: { imported: { source: args.source, format: publication.format } },
    },
    ...{ instances, jobs, owner: host.self },
    async judged(job) {
      const { instanceId } = job.spec;
      const hasPatch = submissions.get(instanceId) !== undefined;
      const found = await publication.judged({ job, hasPatch, source: publication.sha256 });
      if (differsFromReport(found.verdict)) differing.push(instanceId);
      return found;
    },
  });
  if (differing.length > 0)
    host.err(
      `warning: ${differing.length} of ${jobs.length} logs say another outcome under ${manifest.settings.profile} than the report.json beside them: ${listed(differing)}`,
    );
  host.err(
    `imported ${jobs.length} verdicts of ${instances.length} instances from ${args.source} (${publication.format})`,
  );
  const json = args.json === true;
  const { passAt1 } = await finishReport(await readRun(folder), folder, json, host);
  if (json)
    host.out(
      JSON.stringify({ folder, format: publication.format, verdicts: jobs.length, differing, passAt1 }),
    );
  return EXIT.done;
}

interface ReadOptions {
  readonly path: string;
  readonly args: ImportArgs;
  readonly dataset: LoadedDataset;
  /** Of --predictions. */
  readonly own: { readonly patches: ReadonlyMap<string, string | null> } | undefined;
  readonly host: Host;
}

async function ofOutcomes({ path, args, dataset, own, host }: ReadOptions): Promise<Publication> {
  const { fates, others, ...file } = await readOutcomes(path, args.model);
  const ids = new Set([
    ...fates.keys(),
    ...(others === undefined ? [] : (own?.patches.keys() ?? dataset.all.map(({ instanceId }) => instanceId))),
  ]);
  return {
    ...file,
    submissions: new Map([...ids].map((id) => [id, own?.patches.get(id)])),
    graderVersion: AS_PUBLISHED,
    async judged(given) {
      const fate = fates.get(given.job.spec.instanceId) ?? others;
      if (fate === undefined) throw new Error('only instances with a fate are submitted');
      return { verdict: publishedVerdict(given, fate, host.clock) };
    },
  };
}

async function ofLogs({ path, dataset, own, host }: ReadOptions): Promise<Publication> {
  const known = new Set(dataset.all.map(({ instanceId }) => instanceId));
  const { folder, ids, model } = await findLogs(path, known);
  const patches: [string, string | null | undefined][] = [];
  for (const id of ids) patches.push([id, own?.patches.get(id) ?? (await readPublishedPatch(folder, id))]);
  return {
    format: 'logs',
    model,
    sha256: sha256(canonicalJson(patches.map(([id, patch]) => [id, patch ?? null]))),
    submissions: new Map(patches),
    async judged(given) {
      const published = await readPublishedLog(folder, given.job.spec.instanceId);
      return { verdict: loggedVerdict(given, published, host.clock), log: published.log };
    },
  };
}

/** The patches of a file of predictions, of one model, one for an instance. */
async function ownPatches(source: string, { all }: LoadedDataset, host: Host) {
  const {
    predictions,
    warnings,
    sha256: hash,
  } = await readPredictions({ source, cwd: host.cwd, instances: all });
  for (const warning of warnings) host.err(`warning: ${warning}`);
  const repeated = predictions.find(({ attempt }) => attempt > 1);
  if (repeated !== undefined)
    throw usage(`${source}: several predictions for ${repeated.instanceId}; published outcomes are of one`);
  return {
    patches: new Map(predictions.map(({ instanceId, patch }) => [instanceId, patch])),
    model: predictions[0]?.model,
    sha256: hash,
  };
}

function assertKnown(source: string, ids: readonly string[], { all, name }: LoadedDataset): void {
  const known = new Set(all.map(({ instanceId }) => instanceId));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0)
    throw usage(
      `${source}: ${unknown.length} instance ids are not in ${name}: ${withHints(unknown, known)}; name its dataset with --dataset`,
    );
}

async function isFolder(path: string, source: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw usage(`there is no ${source}`);
    throw error;
  }
}
