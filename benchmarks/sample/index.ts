import { join } from 'node:path';
import { AssayError, type Benchmark, type EvalSpec, type Instance, packageRoot } from '../../src/index.js';

const OWNER = 'assay-sample/';
const REPOSITORIES = ['drills', 'pennybook', 'tabula', 'tempo'];
const WORKDIR = '/testbed';

/** The bundled benchmark: its repositories are folders of this package, and the rows carry their scripts. */
export const sampleBenchmark: Benchmark = {
  name: 'sample',
  rowFormats: ['swe-bench-2026'],
  defaultProfile: 'v5',
  profiles: ['v5', 'v4.1'],
  specFor,
};

/** All instances of a repository share a tree, and so an image; its name holds the commit, because another tree is another image. */
function specFor(instance: Instance): EvalSpec {
  const { instanceId, repo, evalScript, logParser, evalType, baseCommit } = instance;
  const name = repo.startsWith(OWNER) ? repo.slice(OWNER.length) : '';
  if (!REPOSITORIES.includes(name))
    throw new AssayError(
      'unsupported_row',
      `${instanceId}: ${repo} is no repository of the sample benchmark`,
      {
        detail: `known repositories: ${REPOSITORIES.map((known) => OWNER + known).join(', ')}`,
      },
    );
  if (evalScript === undefined || logParser === undefined || evalType === undefined)
    throw new AssayError(
      'unsupported_row',
      `${instanceId}: the row lacks eval_script, log_parser or eval_type`,
    );
  const image = `assay-sample__${name}-${baseCommit.slice(0, 12)}`;
  return {
    instanceId,
    repo,
    rowHash: instance.rowHash,
    failToPass: instance.failToPass,
    passToPass: instance.passToPass,
    images: [`assay.eval.${image}:latest`],
    recipe: {
      name: image,
      source: { kind: 'tree', dir: join(packageRoot(), 'datasets', 'sample', 'repos', name) },
      workdir: WORKDIR,
      // Nothing to install: the tests run on the node, or the python3, that the base image has.
      environment: { systemPackages: [], pythonPackages: [] },
      preInstall: [],
      install: [],
      checks: [],
    },
    workdir: WORKDIR,
    evalScript,
    logParser,
    evalType,
    needs: instance.needs ?? {},
  };
}
