import { join } from 'node:path';
import type { RunInstance, RunManifest, RunResults } from '../model/run.js';
import { Validation, type ValidationEntry } from '../model/validation.js';
import type { Verdict } from '../model/verdict.js';
import type { Job } from '../run-instance.js';
import { byInstance } from '../stats/instances.js';
import { questionKey, validity } from '../stats/validity.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { withLock } from '../util/lock.js';
import type { ProcessIdentity } from '../util/process.js';
import { schemaFault } from '../util/schema.js';
import { attemptKey } from './ledger.js';

interface ValidateOptions {
  readonly manifest: RunManifest;
  readonly instances: readonly RunInstance[];
  /** For each instance the gold patch and the untouched tree, `epochs` times each. */
  readonly jobs: readonly Job[];
  /** Nothing that was found before counts. */
  readonly refresh: boolean;
  /** What is known from earlier. */
  readonly known: readonly ValidationEntry[];
  /** Verdicts that the run folder holds. */
  readonly held: readonly Verdict[];
  /** Digests of the images that instances have now, as far as they are known; an entry of any other image is none. */
  readonly digests: ReadonlyMap<string, string>;
  /** The ordinary evaluation; `again` chooses verdicts of the folder to be found anew. */
  readonly evaluate: (jobs: readonly Job[], again: (verdict: Verdict) => boolean) => Promise<RunResults>;
  readonly now: string;
}

export interface Validated {
  /** One per instance, in run order. */
  readonly entries: readonly ValidationEntry[];
  /** How many of them were known already. */
  readonly reused: number;
}

/**
 * Evaluates the gold patch and the untouched tree of each instance that nothing is known of, and says what each came to. What is known
 * counts when row, image, profile and grader version are the same, it was found by as many epochs, and wasn't the machine's fault.
 */
export async function validate(options: ValidateOptions): Promise<Validated> {
  const { manifest, instances, jobs, held, digests, refresh, evaluate, now } = options;
  const reused = refresh ? new Map<string, ValidationEntry>() : knownEntries(options);
  const again = ({ instanceId, imageDigest, outcome }: Verdict) =>
    refresh ||
    outcome === 'infra_error' ||
    (digests.has(instanceId) && imageDigest !== undefined && imageDigest !== digests.get(instanceId));
  const todo = jobs.filter(({ spec }) => !reused.has(spec.instanceId));
  // Those that the folder holds belong to the run as well: they cost nothing, and its counts are of all.
  const done = new Set(held.filter((verdict) => !again(verdict)).map(attemptKey));
  const finished = jobs.filter(
    ({ spec, prediction }) =>
      reused.has(spec.instanceId) &&
      done.has(attemptKey({ instanceId: spec.instanceId, attempt: prediction.attempt })),
  );
  const results = await evaluate([...finished, ...todo], again);
  const found = new Map(byInstance(results).map((item) => [item.instance.instanceId, item.verdicts]));
  const isGold = new Set(jobs.filter((job) => job.prediction.untouched !== true).map(jobKey));
  const { profile, graderVersion, epochs } = manifest.settings;
  const entries = instances.map((instance) => {
    const verdicts = found.get(instance.instanceId) ?? [];
    return (
      reused.get(instance.instanceId) ??
      validity({
        instance,
        gold: verdicts.filter((verdict) => isGold.has(attemptKey(verdict))),
        empty: verdicts.filter((verdict) => !isGold.has(attemptKey(verdict))),
        epochs,
        profile: { profile, graderVersion },
        machine: results.manifest.machine,
        now,
      })
    );
  });
  return { entries, reused: reused.size };
}

/** What is known of the instances in the images that they have now, by instance id. */
function knownEntries({
  manifest,
  instances,
  known,
  digests,
}: ValidateOptions): Map<string, ValidationEntry> {
  const { profile, graderVersion, epochs } = manifest.settings;
  const usable = known.filter((entry) => entry.class !== 'infra' && entry.epochs >= epochs);
  const byQuestion = new Map(usable.map((entry) => [questionKey(entry), entry]));
  const found = new Map<string, ValidationEntry>();
  for (const { instanceId, rowHash } of instances) {
    const imageDigest = digests.get(instanceId);
    const entry = byQuestion.get(questionKey({ instanceId, rowHash, imageDigest, profile, graderVersion }));
    if (imageDigest !== undefined && entry !== undefined) found.set(instanceId, entry);
  }
  return found;
}

function jobKey({ spec, prediction }: Job): string {
  return attemptKey({ instanceId: spec.instanceId, attempt: prediction.attempt });
}

/** Where the cache keeps what is known of a dataset file. */
function validationFile(cacheDir: string, datasetSha256: string): string {
  return join(cacheDir, 'validations', `${datasetSha256}.json`);
}

/** What the cache knows of the instances of a dataset file; a file that can't be read is nothing known, said by `onWarning`. */
export async function readValidations(
  cacheDir: string,
  datasetSha256: string,
  onWarning: (message: string) => void,
): Promise<readonly ValidationEntry[]> {
  const path = validationFile(cacheDir, datasetSha256);
  try {
    const text = await readIfExists(path);
    if (text === undefined) return [];
    const value: unknown = JSON.parse(text);
    const fault = schemaFault(value, Validation);
    if (fault !== undefined) throw new Error(fault);
    return (value as Validation).entries;
  } catch (error) {
    onWarning(`${path} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

interface KeepOptions {
  readonly cacheDir: string;
  readonly owner: ProcessIdentity;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
}

/** Adds what a validation has found to the cache, in place of older entries of the same question; `infra` entries aren't kept. */
export async function keepValidation(
  validation: Validation,
  { cacheDir, owner, signal, onWarning }: KeepOptions,
): Promise<void> {
  const path = validationFile(cacheDir, validation.datasetSha256);
  const entries = validation.entries.filter((entry) => entry.class !== 'infra');
  await withLock({ path: `${path}.lock`, owner, signal, onWait: onWarning }, async () => {
    const old = await readValidations(cacheDir, validation.datasetSha256, onWarning);
    const answered = new Set(entries.map(questionKey));
    const kept = old.filter((entry) => !answered.has(questionKey(entry)));
    const all: Validation = { ...validation, entries: [...kept, ...entries] };
    await writeAtomic(path, `${JSON.stringify(all, null, 2)}\n`);
  });
}
