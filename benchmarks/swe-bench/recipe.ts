import type { ImageRecipe, Instance } from '../../src/index.js';
import { sortedUnion, splitApt } from '../python/apt.js';
import { TESTBED } from '../python/eval-script.js';
import { environmentOf } from './environment.js';
import { findVersionSpec } from './spec.js';
import type { VersionSpec } from './version-spec.js';

/**
 * What SWE-bench's base image has for every instance and only these need: a compiler for extension modules (Django's own is in its test
 * requirement pywatchman, which has no wheel), Debian's locales for Django's eval script, which calls locale-gen, and wget for
 * matplotlib's pre_install. A compiler finds Python's headers in the environment's own include folder.
 */
const SYSTEM_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'astropy/astropy': ['build-essential'],
  'django/django': ['build-essential', 'locales'],
  'matplotlib/matplotlib': ['build-essential', 'wget'],
  'scikit-learn/scikit-learn': ['build-essential'],
};

/** Name under which a repository is imported, where that isn't its own. */
const MODULE: Readonly<Record<string, string>> = {
  'scikit-learn/scikit-learn': 'sklearn',
};

/** The image of an instance; undefined where only conda could make its environment. */
export function recipeOf(instance: Instance, spec: VersionSpec): ImageRecipe | undefined {
  const { repo } = instance;
  const environment = environmentOf(instance, spec);
  if (environment === undefined) return undefined;
  const { python, reference, pythonPackages } = environment;
  return {
    name: instance.instanceId.toLowerCase(),
    source: { kind: 'git', repo, commit: instance.baseCommit },
    workdir: TESTBED,
    environment: {
      ...(reference === undefined ? {} : { reference }),
      python: python.split('.').slice(0, 2).join('.'),
      systemPackages: sortedUnion(
        SYSTEM_PACKAGES[repo] ?? [],
        // Versions that share an environment have the packages of all of them, so that they share one image.
        ...environment.versions.map((version) => aptPackages(findVersionSpec({ repo, version }))),
        aptPackages(spec),
      ),
      pythonPackages,
    },
    preInstall: [...environment.preInstall, ...splitApt(spec.preInstall ?? []).commands],
    install: [spec.install],
    checks: [importCheck(repo)],
  };
}

/** That the install worked. Importing a whole package takes seconds, so it is only done where something was compiled. */
function importCheck(repo: string): string {
  const module = MODULE[repo] ?? repo.slice(repo.indexOf('/') + 1);
  return SYSTEM_PACKAGES[repo]?.includes('build-essential') && repo !== 'django/django'
    ? `python -c 'import ${module}'`
    : `( cd / && python -c 'import importlib.util as u; assert u.find_spec("${module}")' )`;
}

function aptPackages(spec: VersionSpec | undefined): readonly string[] {
  return splitApt(spec?.preInstall ?? []).systemPackages;
}
