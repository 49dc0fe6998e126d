import type { Instance } from '../../src/index.js';
import { PINS } from './pins.js';
import type { VersionSpec } from './version-spec.js';

/** Interpreter and requirements of an image, and what has to run in the tree to get the rest. */
export interface Environment {
  /** Of a frozen one: its first instance, which names it. */
  readonly reference?: string;
  /** Versions of the repository that a frozen one stands for. */
  readonly versions: readonly string[];
  /** As precise as it is known, e.g. `3.9.20` or `3.9`. */
  readonly python: string;
  readonly pythonPackages: readonly string[];
  readonly preInstall: readonly string[];
}

/** Where SWE-bench 4.1.0 looks for a repository's requirements, first one first (`MAP_REPO_TO_REQS_PATHS`). */
const REQUIREMENTS: Readonly<Record<string, readonly string[]>> = {
  'django/django': ['tests/requirements/py3.txt'],
  'matplotlib/matplotlib': ['requirements/dev/dev-requirements.txt', 'requirements/testing/travis_all.txt'],
  'pallets/flask': ['requirements/dev.txt'],
  'pylint-dev/pylint': ['requirements_test.txt'],
  'sympy/sympy': ['requirements-dev.txt', 'requirements-test.txt'],
};

/**
 * Sphinx's own extensions, which the frozen environments lack and the reference installs with the tree: versions as pip names them in
 * official test logs, below and from version 5 on.
 */
const SPHINX_EXTENSIONS = {
  below5: [
    'applehelp==1.0.4',
    'devhelp==1.0.2',
    'htmlhelp==2.0.1',
    'jsmath==1.0.1',
    'qthelp==1.0.3',
    'serializinghtml==1.1.5',
  ],
  from5: [
    'applehelp==2.0.0',
    'devhelp==2.0.0',
    'htmlhelp==2.1.0',
    'jsmath==1.0.1',
    'qthelp==2.0.0',
    'serializinghtml==2.0.0',
  ],
} as const;

/**
 * Conda's builds for Python 3.9 that PyPI has as sources alone, which no current Cython compiles -> the next patch release, the first with a
 * wheel. One environment has them: scikit-learn 25747's.
 */
const FIRST_WHEEL_ON_39: Readonly<Record<string, string>> = {
  'numpy==1.19.2': 'numpy==1.19.3',
  'scipy==1.5.2': 'scipy==1.5.4',
};

interface Pinned {
  readonly byInstance: ReadonlyMap<string, Environment>;
  /** Key is `owner__name version`. */
  readonly byVersion: ReadonlyMap<string, Environment>;
}

let pinned: Pinned | undefined;

/** The frozen environments, read from their table at the first call. */
export function frozenEnvironments(): Pinned {
  if (pinned !== undefined) return pinned;
  const byInstance = new Map<string, Environment>();
  const byVersion = new Map<string, Environment>();
  for (const line of PINS.trim().split('\n')) {
    const [prefix = '', versions = '', numbers = '', python = '', packages = ''] = line.split('|');
    const environment = {
      reference: `${prefix}-${numbers.split(' ')[0]}`,
      versions: versions.split(' ').filter((version) => version !== ''),
      python,
      pythonPackages: packages.split(' '),
      preInstall: [],
    };
    for (const number of numbers.split(' ')) byInstance.set(`${prefix}-${number}`, environment);
    for (const version of environment.versions) byVersion.set(`${prefix} ${version}`, environment);
  }
  pinned = { byInstance, byVersion };
  return pinned;
}

/**
 * Frozen pins where SWE-bench has them; else those of the same version of the repository (SWE-bench takes one environment commit for all
 * of its instances); else its loose requirements. Undefined where only conda could make it.
 */
export function environmentOf(instance: Instance, spec: VersionSpec): Environment | undefined {
  const { byInstance, byVersion } = frozenEnvironments();
  const frozen =
    byInstance.get(instance.instanceId) ??
    byVersion.get(`${instance.repo.replace('/', '__')} ${instance.version}`);
  if (frozen === undefined) return looseEnvironment(instance, spec);
  if (frozen.python.startsWith('3.9.') && instance.repo === 'scikit-learn/scikit-learn')
    return { ...frozen, pythonPackages: frozen.pythonPackages.map((pin) => FIRST_WHEEL_ON_39[pin] ?? pin) };
  if (instance.repo !== 'sphinx-doc/sphinx') return frozen;
  const extensions = SPHINX_EXTENSIONS[Number(instance.version?.split('.')[0]) < 5 ? 'below5' : 'from5'];
  const pins = extensions.map((pin) => `sphinxcontrib-${pin}`);
  return { ...frozen, pythonPackages: [...frozen.pythonPackages, ...pins].sort() };
}

function looseEnvironment(
  { repo }: Instance,
  { python, packages, pip }: VersionSpec,
): Environment | undefined {
  if (packages === 'environment.yml') return undefined;
  const files = packages === 'requirements.txt' ? (REQUIREMENTS[repo] ?? []) : [];
  const listed = files.length > 0 ? pip : `${packages ?? ''} ${pip ?? ''}`;
  // The reference reads the file at environment_setup_commit, which may be newer than the tree; an image must not hold what is newer.
  const install = files.map((file) => `[ -f ${file} ] && python -m pip install -r ${file}`);
  return {
    versions: [],
    python,
    pythonPackages: (listed ?? '').split(' ').filter((word) => word !== ''),
    preInstall: files.length === 0 ? [] : [`{ ${install.join(' || ')}; }`],
  };
}
