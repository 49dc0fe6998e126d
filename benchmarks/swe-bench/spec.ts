import { AssayError, cut, type Instance } from '../../src/index.js';
import type { VersionSpec } from './version-spec.js';
import { REPOSITORIES } from './versions.js';

/** The table's entry for a repository and version, if there is one. */
export function findVersionSpec({
  repo,
  version = '',
}: Pick<Instance, 'repo' | 'version'>): VersionSpec | undefined {
  const entry = REPOSITORIES[repo];
  const found = entry?.versions.find(({ versions }) => versions.split(' ').includes(version));
  const spec = { ...entry?.all, ...found };
  return found !== undefined && isComplete(spec) ? spec : undefined;
}

/** As `findVersionSpec`, but throws `unsupported_row` with the known ones. */
export function versionSpec(instance: Instance): VersionSpec {
  const spec = findVersionSpec(instance);
  if (spec !== undefined) return spec;
  const { instanceId, repo, version } = instance;
  const entry = REPOSITORIES[repo];
  throw new AssayError(
    'unsupported_row',
    `${instanceId}: the row has no eval_script, and there is no table for ${repo} version ${cut(version ?? '(none)')}`,
    {
      detail:
        entry === undefined
          ? `known repositories: ${Object.keys(REPOSITORIES).join(', ')}`
          : `known versions of ${repo}: ${entry.versions.map(({ versions }) => versions).join(' ')}`,
    },
  );
}

function isComplete(spec: Partial<VersionSpec>): spec is VersionSpec {
  return spec.python !== undefined && spec.install !== undefined && spec.testCmd !== undefined;
}
