import type { AssayError } from '../errors.js';
import { type Finding, fail, ok } from './finding.js';

/** A dataset as the cache or a file has it. */
export interface DatasetFacts {
  readonly name: string;
  readonly revision: string;
  readonly instances: number;
}

/** Whether the rows are here; `offline`: the network may not be used. */
export function judgeDataset(
  found: DatasetFacts | AssayError,
  { dataset, offline }: { readonly dataset: string; readonly offline: boolean },
): Finding {
  if (!('code' in found))
    return ok(
      `${found.instances} instances of ${found.name}, ${found.revision === 'local' ? 'a local file' : `${found.revision.slice(0, 12)} in the cache`}`,
    );
  if (found.code !== 'dataset_offline')
    return fail(found.detail === undefined ? found.message : `${found.message}: ${found.detail}`, found.fix);
  return offline
    ? fail(found.message, `${found.fix} With the network: \`assay dataset list ${dataset}\`.`)
    : ok('not in the cache yet: comes from the Hub when it is used first');
}

/** Images of a dataset. */
export interface ImageCounts {
  readonly total: number;
  readonly present: number;
  /** Of those missing, the ones that no registry has: they are built here. */
  readonly unpublished: number;
}

/** Whether each instance has an image. */
export function judgeImages(
  { total, present, unpublished }: ImageCounts,
  { dataset, offline }: { readonly dataset: string; readonly offline: boolean },
): Finding {
  const missing = total - present;
  if (missing === 0) return ok(`all ${total} are here`);
  const found = `${present} of ${total} are here`;
  if (offline)
    return fail(
      found,
      `With the network: \`assay images pull ${dataset}\`; or \`assay images import\` what another host exported.`,
    );
  if (unpublished > 0)
    return fail(
      `${found}; ${unpublished} are in no registry that we know`,
      `Build them: \`assay images build ${dataset}\`.`,
    );
  return ok(`${found}; the rest is pulled when needed (\`assay images pull ${dataset}\` does it before)`);
}

/** The local engine takes only trees that ship with a benchmark; `others` of the `total` instances have none. */
export function judgeLocalImages(others: number, total: number, dataset: string): Finding {
  return others === 0
    ? ok('none is needed')
    : fail(
        `${others} of ${total} instances need an image, which --engine local can't use`,
        `Use Docker: \`assay doctor ${dataset} --engine docker\`.`,
      );
}
