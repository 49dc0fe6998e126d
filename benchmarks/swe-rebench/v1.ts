import type { EvalSpec, Instance } from '../../src/index.js';
import { pythonEvalScript, TESTBED } from '../python/eval-script.js';
import { sweRebenchDirectives } from '../python/test-patch.js';
import { configOf, required } from './config.js';
import { recipeOf } from './v1-recipe.js';

/** The fork puts it before `install` and `test_cmd`, where it holds for the first command of an `a && b` only. */
const LOCALE = 'LANG=C.UTF-8 LC_ALL=C.UTF-8 ';

/** SWE-rebench V1: environment, install and test command all come from the row's `install_config`. */
export function specForV1(instance: Instance): EvalSpec {
  const { instanceId, repo } = instance;
  const config = configOf(instance);
  const install = config.text('install');
  const prefixed = install === undefined ? undefined : `${LOCALE}${install}`;
  return {
    instanceId,
    repo,
    rowHash: instance.rowHash,
    failToPass: instance.failToPass,
    passToPass: instance.passToPass,
    images: [`assay.eval.${instanceId.toLowerCase()}:latest`, instance.image ?? publishedImage(instanceId)],
    ...recipeOf(instance, prefixed),
    workdir: TESTBED,
    evalScript: pythonEvalScript({
      baseCommit: instance.baseCommit,
      testPatch: instance.testPatch,
      // The fork leaves env_vars out; no row that we have seen has any.
      evalCommands: [...config.exports('env_vars'), ...config.list('eval_commands')],
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
