import type { Benchmark, EvalSpec, Instance } from '../../src/index.js';
import { pythonEvalScript, TESTBED } from '../python/eval-script.js';
import { sweBenchDirectives } from '../python/test-patch.js';
import { MACHINERY } from './machinery.js';
import { needsOf } from './needs.js';
import { recipeOf } from './recipe.js';
import { findVersionSpec, versionSpec } from './spec.js';

/** SWE-bench: rows of 2026 bring their script along, for rows of 2025 it is made from our tables. */
export const sweBench: Benchmark = {
  name: 'swe-bench',
  rowFormats: ['swe-bench-2026', 'swe-bench-2025'],
  defaultProfile: 'v5',
  profiles: ['v5', 'v4.1'],
  specFor,
};

function specFor(instance: Instance): EvalSpec {
  const { instanceId, repo, image, evalScript, evalType } = instance;
  const known = findVersionSpec(instance);
  const machinery = MACHINERY[repo];
  const recipe = known === undefined ? undefined : recipeOf(instance, known);
  return {
    instanceId,
    repo,
    rowHash: instance.rowHash,
    failToPass: instance.failToPass,
    passToPass: instance.passToPass,
    images: [`assay.eval.${instanceId.toLowerCase()}:latest`, image ?? publishedImage(instanceId)],
    ...(recipe === undefined ? { noRecipe: whyNone(instance, known !== undefined) } : { recipe }),
    workdir: TESTBED,
    evalScript: evalScript ?? ownScript(instance),
    logParser: instance.logParser ?? `parse_log_${parserSlug(repo)}`,
    evalType: evalType ?? 'pass_and_fail',
    needs: needsOf(instance),
    ...(machinery === undefined ? {} : { machinery }),
  };
}

function whyNone({ repo, version = '(none)' }: Instance, known: boolean): string {
  return known
    ? `${repo} version ${version} takes its packages from an environment.yml, which needs conda, and there are no pins of it`
    : `there is no table of how ${repo} version ${version} is installed`;
}

function ownScript(instance: Instance): string {
  const spec = versionSpec(instance);
  return pythonEvalScript({
    baseCommit: instance.baseCommit,
    testPatch: instance.testPatch,
    evalCommands: spec.evalCommands ?? [],
    install: spec.install,
    testCmd: spec.testCmd,
    directives: sweBenchDirectives(instance.repo, instance.testPatch),
  });
}

/** Docker Hub allows no double underscore, hence the reference's `_1776_`. */
function publishedImage(instanceId: string): string {
  return `swebench/sweb.eval.x86_64.${instanceId.toLowerCase().replaceAll('__', '_1776_')}:latest`;
}

/** The reference names a repository's parser after its last part; scikit-learn's is `parse_log_scikit`. */
function parserSlug(repo: string): string {
  const name = repo.slice(repo.indexOf('/') + 1);
  return name === 'scikit-learn' ? 'scikit' : name;
}
