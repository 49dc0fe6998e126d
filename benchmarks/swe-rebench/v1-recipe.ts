import { type EvalSpec, type Instance, PIP_REQUIREMENT } from '../../src/index.js';
import { sortedUnion, splitApt } from '../python/apt.js';
import { TESTBED } from '../python/eval-script.js';
import { normalName, parseCondaExport, pipPins } from '../python/pins.js';
import { type Config, configOf, unknownKeys } from './config.js';

/**
 * All keys of an `install_config` that the fork knows. `env_yml_path` and `no_use_env` say where and how conda reads an environment.yml;
 * `nano_cpus` and `execute_test_as_nonroot` change nothing there.
 */
const KEYS =
  'python install packages pip_packages pre_install reqs_path env_yml_path env_vars eval_commands test_cmd log_parser no_use_env ' +
  'nano_cpus execute_test_as_nonroot';

/** The fork's base image has a compiler for every row, and any row's packages may need it. */
const COMPILER = ['build-essential'];

const REQUIREMENT = new RegExp(PIP_REQUIREMENT);

/** The image by the row's own freeze of the reference environment, else by the `install_config` alone. */
export function recipeOf(
  instance: Instance,
  install: string | undefined,
): Pick<EvalSpec, 'recipe' | 'noRecipe'> {
  const config = configOf(instance);
  const unknown = unknownKeys(instance, KEYS);
  if (unknown !== undefined) return { noRecipe: unknown };
  const frozen = frozenOf(instance);
  const python = frozen.python ?? config.text('python');
  if (python === undefined) return { noRecipe: 'neither the row nor its install_config names a Python' };
  const loose = frozen.packages.length > 0 ? { packages: frozen.packages, commands: [] } : looseOf(config);
  if (loose === undefined)
    return {
      noRecipe:
        'install_config takes its packages from an environment.yml, which needs conda, and the row has no pins of it',
    };
  const { systemPackages, commands } = splitApt(config.list('pre_install'));
  return {
    recipe: {
      name: instance.instanceId.toLowerCase(),
      // The fork takes the base commit for the environment too, whatever environment_setup_commit says.
      source: { kind: 'git', repo: instance.repo, commit: instance.baseCommit },
      workdir: TESTBED,
      environment: {
        python: supportedPython(python),
        systemPackages: sortedUnion(COMPILER, systemPackages),
        pythonPackages: loose.packages,
      },
      preInstall: [...config.exports('env_vars'), ...loose.commands, ...commands],
      install: install === undefined ? [] : [install],
      checks: [],
    },
  };
}

interface Frozen {
  readonly python?: string;
  readonly packages: readonly string[];
}

/** The pins of `environment` (a conda export), else of `requirements` (a pip freeze), without the project itself. */
function frozenOf({ environment, requirements = '' }: Instance): Frozen {
  const freeze = { conda: [], pip: requirements.split('\n').filter((line) => /^[\w.-]+==\S+$/.test(line)) };
  const found = environment === undefined ? freeze : parseCondaExport(environment);
  const project = /^-e .*#egg=([\w.-]+)/m.exec(requirements)?.[1];
  const isProject = (pin: string) => project !== undefined && pin.startsWith(`${normalName(project)}==`);
  return {
    ...('python' in found ? { python: found.python } : {}),
    packages: pipPins(found).filter((pin) => !isProject(pin)),
  };
}

interface Loose {
  readonly packages: readonly string[];
  /** Run in the tree at the base commit, as the fork reads files there; a missing file is passed over. */
  readonly commands: readonly string[];
}

/** What `packages`, `reqs_path` and `pip_packages` ask for; undefined where only conda can read it. */
function looseOf(config: Config): Loose | undefined {
  const packages = config.text('packages') ?? '';
  if (packages === 'environment.yml') return undefined;
  const files = packages === 'requirements.txt' ? config.list('reqs_path') : [];
  const listed = packages === 'requirements.txt' ? [] : words(packages).map(fromConda);
  const entries = [...listed, ...config.list('pip_packages')];
  const isPlain = (entry: string) => words(entry).every((word) => REQUIREMENT.test(word));
  return {
    packages: sortedUnion(entries.filter(isPlain).flatMap(words)),
    commands: [
      ...files.map((file) => `if [ -f '${file}' ]; then python -m pip install -r '${file}'; fi`),
      // URLs and options are for pip to understand.
      ...entries.filter((entry) => !isPlain(entry)).map((entry) => `python -m pip install ${entry}`),
    ],
  };
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).flatMap((word) => (word === '' ? [] : [word.replace(/^(['"])(.*)\1$/, '$2')]));
}

/** Conda's `name=version` as pip writes it. */
function fromConda(word: string): string {
  return word.replace(/^([\w.-]+)=([\w.]+)$/, '$1==$2');
}

/** `major.minor`; the fork takes 3.6 for anything older, as conda does not offer it. */
function supportedPython(version: string): string {
  const [major = 3, minor = 6] = version.split('.').map(Number);
  return major < 3 || (major === 3 && minor < 6) ? '3.6' : `${major}.${minor}`;
}
