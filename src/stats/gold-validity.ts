import type { RunSettings } from '../model/run.js';
import type { ValidationEntry } from '../model/validation.js';
import type { InstanceResults } from './instances.js';
import { questionKey } from './validity.js';

/** What validations say of the instances of a run. Every chosen instance is in one of the three lists. */
export interface GoldValidity {
  /** The gold patch resolved them each time, the untouched tree never. */
  readonly valid: readonly string[];
  /** Those that aren't, with the reason. */
  readonly notValid: readonly ValidationEntry[];
  /** Nothing is known of them, or of another row, image, profile or grader version. */
  readonly notValidated: readonly string[];
  /** The smallest number of evaluations of either kind that an instance had. */
  readonly epochs: number;
  /** First and last time of a validation, ISO 8601. */
  readonly since: string;
  readonly until: string;
}

interface Options {
  readonly settings: Pick<RunSettings, 'profile' | 'graderVersion'>;
  readonly items: readonly InstanceResults[];
  readonly known: readonly ValidationEntry[];
}

/** Entries of the same rows, images, profile and grader version as the run; null when there is none of them. */
export function goldValidity({ settings, items, known }: Options): GoldValidity | null {
  const byId = new Map<string, ValidationEntry[]>();
  for (const entry of known) {
    const list = byId.get(entry.instanceId);
    if (list === undefined) byId.set(entry.instanceId, [entry]);
    else list.push(entry);
  }
  const matches = items.map((item) => matching(item, settings, byId.get(item.instance.instanceId) ?? []));
  const entries = matches.filter((entry) => entry !== undefined);
  const dates = entries.map(({ date }) => date).sort();
  const [since, until] = [dates[0], dates.at(-1)];
  if (since === undefined || until === undefined) return null;
  return {
    valid: entries.filter((entry) => entry.class === 'valid').map(({ instanceId }) => instanceId),
    notValid: entries.filter((entry) => entry.class !== 'valid'),
    notValidated: items
      .filter((_, index) => matches[index] === undefined)
      .map(({ instance }) => instance.instanceId),
    epochs: entries.reduce((least, { epochs }) => Math.min(least, epochs), Number.POSITIVE_INFINITY),
    since,
    until,
  };
}

/**
 * The entry for the image that the instance was judged in. A prediction without a usable patch reaches no image: then the newest entry of
 * the same row and rules holds, or the rate over valid instances would leave out what the model failed to submit.
 */
function matching(
  { instance, verdicts }: InstanceResults,
  { profile, graderVersion }: Options['settings'],
  entries: readonly ValidationEntry[],
): ValidationEntry | undefined {
  const { instanceId, rowHash } = instance;
  const digests = new Set(verdicts.flatMap(({ imageDigest }) => imageDigest ?? []));
  if (digests.size > 1) return undefined;
  const [judgedIn] = digests;
  return entries
    .filter((entry) => {
      const imageDigest = judgedIn ?? entry.imageDigest;
      return questionKey(entry) === questionKey({ instanceId, rowHash, profile, graderVersion, imageDigest });
    })
    .sort((a, b) => (a.date < b.date ? -1 : 1))
    .at(-1);
}
