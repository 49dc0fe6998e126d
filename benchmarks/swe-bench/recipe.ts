import type { ImageRecipe, Instance } from '../../src/index.js';
import { splitApt } from '../python/apt.js';
import { TESTBED } from '../python/eval-script.js';
import { environmentOf } from './environment.js';
import type { VersionSpec } from './version-spec.js';

/** A compiler, and the headers that conda's Python brings along. */
const COMPILER = ['build-essential', 'python3-dev'];

/**
 * What SWE-bench's base image has for every instance and only these need: a compiler for extension modules (Django's own is in its test
 * requirement pywatchman, which has no wheel), and Debian's locales for Django's eval script, which calls locale-gen.
 */
const SYSTEM_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'astropy/astropy': COMPILER,
  'django/django': [...COMPILER, 'locales'],
  'matplotlib/matplotlib': [...COMPILER, 'wget'],
  'scikit-learn/scikit-learn': COMPILER,
};

/** The image of an instance; undefined where only conda could make its environment. */
export function recipeOf(instance: Instance, spec: VersionSpec): ImageRecipe | undefined {
  const environment = environmentOf(instance, spec);
  if (environment === undefined) return undefined;
  const { systemPackages, commands } = splitApt(spec.preInstall ?? []);
  return {
    name: instance.instanceId.toLowerCase(),
    source: { kind: 'git', repo: instance.repo, commit: instance.baseCommit },
    workdir: TESTBED,
    environment: {
      python: environment.python.split('.').slice(0, 2).join('.'),
      systemPackages: [...new Set([...(SYSTEM_PACKAGES[instance.repo] ?? []), ...systemPackages])].sort(),
      pythonPackages: environment.pythonPackages,
    },
    preInstall: [...environment.preInstall, ...commands],
    install: [spec.install],
    checks: [],
  };
}
