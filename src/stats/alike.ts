import { AssayError } from '../errors.js';
import type { RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { byInstance, type InstanceResults } from './instances.js';

/** A run under the name by which a comparison speaks of it. */
export interface LabelledRun {
  readonly label: string;
  readonly results: RunResults;
}

/** Runs brought to the same instances. */
export interface AlikeRuns {
  /** For each run its instances; the n-th is the same one in all, in the order of the first run. */
  readonly items: readonly (readonly InstanceResults[])[];
  /** Instances that are in some of the runs alone, or with another row. */
  readonly leftOut: readonly string[];
  /** What differs and may explain a difference of results, for people. */
  readonly warnings: readonly string[];
}

/**
 * The same instances of all runs. Throws `runs_differ` where the runs answer other questions: another profile always; another dataset file,
 * other instances or other rows unless `intersect` is set, which leaves those out that aren't in all runs with the same row.
 */
export function alike(runs: readonly LabelledRun[], intersect: boolean): AlikeRuns {
  const all = runs.map(({ results }) => byInstance(results));
  const rows = all.map(
    (items) => new Map(items.map((item) => [item.instance.instanceId, item.instance.rowHash])),
  );
  const ids = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const [first = new Map<string, string>()] = rows;
  const isInAll = (id: string) =>
    rows.every((row) => row.get(id) !== undefined && row.get(id) === first.get(id));
  const leftOut = ids.filter((id) => !isInAll(id));
  const unlike = [
    ...settingDiffers(runs, 'grading profile', ({ profile }) => profile),
    ...(intersect
      ? []
      : [
          ...settingDiffers(runs, 'dataset revision', ({ datasetRevision }) => datasetRevision),
          ...settingDiffers(runs, 'dataset sha256', ({ datasetSha256 }) => datasetSha256),
          ...instancesDiffer(runs, rows, leftOut),
        ]),
    ...(leftOut.length === ids.length ? ['no instance is in all runs with the same row'] : []),
  ];
  if (unlike.length > 0)
    throw new AssayError('runs_differ', `these runs can't be compared${intersect ? '' : ' as they are'}`, {
      detail: unlike.map((line) => `  ${line}`).join('\n'),
    });
  const out = new Set(leftOut);
  const order = [...first.keys()].filter((id) => !out.has(id));
  const items = all.map((list) => {
    const byId = new Map(list.map((item) => [item.instance.instanceId, item]));
    return order.map((id) => byId.get(id) as InstanceResults);
  });
  return { items, leftOut, warnings: [...conditionsDiffer(runs), ...attemptsDiffer(runs, items)] };
}

type Settings = RunResults['manifest']['settings'];

/** A line where a setting isn't the same in all runs; undefined values are not known, and not compared. */
function settingDiffers(
  runs: readonly LabelledRun[],
  name: string,
  of: (settings: Settings) => string | number | undefined,
): readonly string[] {
  const values = runs.flatMap(({ label, results }) => {
    const value = of(results.manifest.settings);
    return value === undefined ? [] : [{ label, value }];
  });
  if (new Set(values.map(({ value }) => value)).size < 2) return [];
  return [`${name}: ${values.map(({ label, value }) => `${value} in ${label}`).join(', ')}`];
}

function instancesDiffer(
  runs: readonly LabelledRun[],
  rows: readonly ReadonlyMap<string, string>[],
  leftOut: readonly string[],
): readonly string[] {
  const lacking = runs.flatMap(({ label }, index) => {
    const missing = leftOut.filter((id) => rows[index]?.has(id) !== true);
    return missing.length === 0 ? [] : [`instances: ${label} lacks ${named(missing)}`];
  });
  const others = leftOut.filter((id) => rows.every((row) => row.has(id)));
  return others.length === 0 ? lacking : [...lacking, `rows differ: ${named(others)}`];
}

const isImported = ({ engine }: Settings) => engine === 'imported';

function conditionsDiffer(runs: readonly LabelledRun[]): readonly string[] {
  return [
    ...settingDiffers(runs, 'engine', ({ engine }) => engine),
    ...settingDiffers(runs, 'grader version', ({ graderVersion }) => graderVersion),
    ...settingDiffers(runs, 'test time limit, s', (settings) =>
      isImported(settings) ? undefined : settings.timeoutSeconds,
    ),
  ];
}

function attemptsDiffer(
  runs: readonly LabelledRun[],
  items: readonly (readonly InstanceResults[])[],
): readonly string[] {
  const [first = [], ...others] = items;
  const counts = items.map((list) => Math.max(0, ...list.map(({ planned }) => planned)));
  const images = first.filter((item, at) =>
    others.some((list) => haveOtherImages(item, list[at] as InstanceResults)),
  );
  return [
    ...(new Set(counts).size < 2
      ? []
      : [
          `attempts per instance: ${runs.map(({ label }, index) => `up to ${counts[index]} in ${label}`).join(', ')}`,
        ]),
    ...(images.length === 0
      ? []
      : [`image digests: other ones for ${named(images.map(({ instance }) => instance.instanceId))}`]),
  ];
}

/** True where both reached an image, and none is the same. */
function haveOtherImages(a: InstanceResults, b: InstanceResults): boolean {
  const digests = (verdicts: readonly Verdict[]) => verdicts.flatMap(({ imageDigest }) => imageDigest ?? []);
  const [ours, theirs] = [digests(a.verdicts), digests(b.verdicts)];
  return ours.length > 0 && theirs.length > 0 && !ours.some((digest) => theirs.includes(digest));
}

const SHOWN = 3;

function named(ids: readonly string[]): string {
  const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
  return `${ids.length} (${ids.slice(0, SHOWN).join(', ')}${more})`;
}
