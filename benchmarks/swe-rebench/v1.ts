import type { EvalSpec, ImageRecipe, Instance } from '../../src/index.js';
import { splitApt } from '../python/apt.js';
import { pythonEvalScript, TESTBED } from '../python/eval-script.js';
import { normalName, parseCondaExport, pipPins } from '../python/pins.js';
import { sweRebenchDirectives } from '../python/test-patch.js';
import { configOf, required } from './config.js';

/** The fork puts it before `install` and `test_cmd`, where it holds for the first command of an `a && b` only. */
const LOCALE = 'LANG=C.UTF-8 LC_ALL=C.UTF-8 ';

/** SWE-rebench V1: environment, install and test command all come from the row's `install_config`. */
export function specForV1(instance: Instance): EvalSpec {
  const { instanceId, repo } = instance;
  const config = configOf(instance);
  const install = config.text('install');
  const prefixed = install === undefined ? undefined : `${LOCALE}${install}`;
  const recipe = recipeOf(instance, prefixed);
  return {
    instanceId,
    repo,
    rowHash: instance.rowHash,
    failToPass: instance.failToPass,
    passToPass: instance.passToPass,
    images: [`assay.eval.${instanceId.toLowerCase()}:latest`, instance.image ?? publishedImage(instanceId)],
    ...(recipe === undefined ? {} : { recipe }),
    workdir: TESTBED,
    evalScript: pythonEvalScript({
      baseCommit: instance.baseCommit,
      testPatch: instance.testPatch,
      evalCommands: config.list('eval_commands'),
      ...(prefixed === undefined ? {} : { install: prefixed }),
      testCmd: `${LOCALE}${required(config.text('test_cmd'), instance, 'test_cmd')}`,
      directives: sweRebenchDirectives(repo, instance.testPatch),
    }),
    logParser: instance.logParser ?? required(config.text('log_parser'), instance, 'log_parser'),
    evalType: instance.evalType ?? 'pass_and_fail',
    needs: instance.needs ?? {},
  };
}

function publishedImage(instanceId: string): string {
  return `swerebench/sweb.eval.x86_64.${instanceId.toLowerCase().replaceAll('__', '_1776_')}:latest`;
}

/** The image by the row's own freeze of the reference environment; undefined without one. */
function recipeOf(instance: Instance, install: string | undefined): ImageRecipe | undefined {
  const config = configOf(instance);
  const frozen = frozenOf(instance);
  const python = frozen.python ?? config.text('python');
  if (python === undefined || frozen.packages.length === 0) return undefined;
  const { systemPackages, commands } = splitApt(config.list('pre_install'));
  return {
    name: instance.instanceId.toLowerCase(),
    // The fork takes the base commit for the environment too, whatever environment_setup_commit says.
    source: { kind: 'git', repo: instance.repo, commit: instance.baseCommit },
    workdir: TESTBED,
    environment: { python: supportedPython(python), systemPackages, pythonPackages: frozen.packages },
    preInstall: commands,
    install: install === undefined ? [] : [install],
    checks: [],
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

/** `major.minor`; the fork takes 3.6 for anything older, as conda does not offer it. */
function supportedPython(version: string): string {
  const [major = 3, minor = 6] = version.split('.').map(Number);
  return major < 3 || (major === 3 && minor < 6) ? '3.6' : `${major}.${minor}`;
}
