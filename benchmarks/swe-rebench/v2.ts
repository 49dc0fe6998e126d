import type { EvalSpec, Instance } from '../../src/index.js';
import { sortedUnion, splitApt } from '../python/apt.js';
import { configOf, required, unknownKeys } from './config.js';

/** How V2 applies both patches; the profile does it for the model's. */
const APPLY = 'git apply -v --3way --recount --ignore-space-change --whitespace=nowarn';

/** Debian packages of V2's base images, those that need no more than packages (`base_dockerfiles/`). */
const BASE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'c:latest': (
    'autoconf automake bison build-essential cmake flex git libffi-dev libtool pkg-config python-is-python3 python3 python3-pip ' +
    'python3-venv tcl wget'
  ).split(' '),
};

/** SWE-rebench V2: the tree is in `/<repo name>`, and all of the log counts. */
export function specForV2(instance: Instance): EvalSpec {
  const { instanceId, repo, image } = instance;
  const config = configOf(instance);
  const workdir = `/${repo.split('/')[1]}`;
  const commands = config.list('test_cmd').filter((command) => command.trim() !== '');
  required(commands[0], instance, 'test_cmd');
  return {
    instanceId,
    repo,
    rowHash: instance.rowHash,
    failToPass: instance.failToPass,
    passToPass: instance.passToPass,
    images: [`assay.eval.${instanceId.toLowerCase()}:latest`, ...(image === undefined ? [] : [image])],
    ...recipeOf(instance, workdir),
    workdir,
    evalScript: evalScript({ workdir, testPatch: instance.testPatch, commands }),
    logParser: instance.logParser ?? required(config.text('log_parser'), instance, 'log_parser'),
    evalType: instance.evalType ?? 'pass_and_fail',
    needs: instance.needs ?? {},
  };
}

/** What V2's eval.py runs after the model's patch: the first command that fails ends it. */
function evalScript(facts: {
  readonly workdir: string;
  readonly testPatch: string;
  readonly commands: readonly string[];
}): string {
  // With --recount an empty line at the end would count as context, so the here-document must not add one.
  const testPatch = facts.testPatch.replace(/\n$/, '');
  const lines = [
    '#!/bin/bash',
    'set -e',
    'export _JAVA_OPTIONS=-Djava.net.preferIPv6Addresses=false',
    `cd ${facts.workdir}`,
    `${APPLY} - <<'EOF_114329324912'\n${testPatch}\nEOF_114329324912`,
    ...facts.commands,
  ];
  return `${lines.join('\n')}\n`;
}

const KEYS = 'base_image_name install test_cmd log_parser log_parsers';

/** The image where Debian packages are all of its base, else why there is none. */
function recipeOf(instance: Instance, workdir: string): Pick<EvalSpec, 'recipe' | 'noRecipe'> {
  const config = configOf(instance);
  const unknown = unknownKeys(instance, KEYS);
  if (unknown !== undefined) return { noRecipe: unknown };
  const name = config.text('base_image_name') ?? '(none)';
  const base = BASE_PACKAGES[name];
  if (base === undefined)
    return {
      noRecipe: `its base image ${name} has more than Debian packages (known: ${Object.keys(BASE_PACKAGES).join(', ')})`,
    };
  const { systemPackages, commands } = splitApt(config.list('install'));
  return {
    recipe: {
      name: instance.instanceId.toLowerCase(),
      source: { kind: 'git', repo: instance.repo, commit: instance.baseCommit },
      workdir,
      environment: { systemPackages: sortedUnion(base, systemPackages), pythonPackages: [] },
      // As V2 does: each command for itself, a failing one is passed over, and what it changed in tracked files is undone before the tests.
      preInstall: [...commands.map((command) => `( ${command} ) || true`), 'git reset -q --hard HEAD'],
      install: [],
      checks: [],
    },
  };
}
