import { AssayError, type EvalSpec, type GradingProfile, type Instance } from '../../../src/index.js';
import { graderTarget } from './grader.js';
import { GOLD_FILE, ROW_FILE, rowFile } from './row.js';
import { bundledDockerfile, collectCommand, imageDockerfile, solveScript, testScript } from './scripts.js';
import { imageName, tomlTable } from './texts.js';

/** Seconds for the verifier: the service may have to pull an image, and others wait there too. */
const VERIFIER_SECONDS = 7200;
const COLLECT_SECONDS = 300;

interface TaskFile {
  readonly path: string;
  readonly content: string;
  readonly isExecutable?: boolean;
}

export interface Task {
  readonly files: readonly TaskFile[];
  /** Folder to copy to `environment/tree`. */
  readonly tree?: string;
  /** It needs no service. */
  readonly gradesItself: boolean;
}

interface TaskOptions {
  readonly instance: Instance;
  readonly row: Readonly<Record<string, unknown>>;
  readonly spec: EvalSpec;
  readonly hasSolution: boolean;
  /** For the trees that come with assay: an image with bash, git, node 20 or newer and python3. */
  readonly base: string;
  /** For the same: what grades their logs, and its profile. */
  readonly grader: ReadonlyMap<string, string>;
  readonly profile: GradingProfile;
}

/** An instance as a Harbor task folder. Only `environment/` is in the image; Harbor brings `tests/` and `solution/` when it needs them. */
export function taskOf(options: TaskOptions): Task {
  const { instance, row, spec, hasSolution } = options;
  const { instanceId, rowHash, problemStatement, patch } = instance;
  const { workdir, recipe } = spec;
  if (!/^\/[\w./-]+$/.test(workdir))
    throw new AssayError('unsupported_row', `${instanceId}: ${JSON.stringify(workdir)} is no plain path`);
  const tree = recipe?.source.kind === 'tree' ? recipe.source.dir : undefined;
  const gradesItself = tree !== undefined;
  const solution: TaskFile[] = [
    { path: 'solution/solve.sh', content: solveScript({ workdir }), isExecutable: true },
    { path: GOLD_FILE, content: patch },
  ];
  const files: readonly TaskFile[] = [
    { path: 'task.toml', content: taskToml(instance, spec) },
    { path: 'instruction.md', content: problemStatement },
    { path: 'environment/Dockerfile', content: dockerfile(options) },
    {
      path: 'tests/test.sh',
      content: testScript({ instanceId, workdir, gradesItself }),
      isExecutable: true,
    },
    { path: ROW_FILE, content: rowFile(row, rowHash) },
    ...(gradesItself ? graderFiles(options) : []),
    ...(hasSolution ? solution : []),
  ];
  return { files, gradesItself, ...(tree === undefined ? {} : { tree }) };
}

function dockerfile({ instance, spec, base }: TaskOptions): string {
  const { workdir, recipe, images } = spec;
  if (recipe?.source.kind === 'tree')
    return bundledDockerfile({ base: imageName(base), workdir, commit: instance.baseCommit });
  return imageDockerfile({ image: imageName(images.at(-1) ?? ''), workdir });
}

function graderFiles({ spec, grader, profile }: TaskOptions): TaskFile[] {
  return [
    { path: 'tests/eval.sh', content: profile.prepareScript(spec.evalScript), isExecutable: true },
    { path: 'tests/grader/target.json', content: graderTarget(spec) },
    ...[...grader].map(([path, content]) => ({ path: `tests/grader/${path}`, content })),
  ];
}

/**
 * The verifier has a box of its own, made from the same image: the agent's processes never see its token or its tests, and a diff
 * is graded on the tree that it was made from.
 */
function taskToml(instance: Instance, { workdir }: EvalSpec): string {
  const { instanceId, repo, baseCommit, language, version, difficulty, createdAt } = instance;
  return [
    'schema_version = "1.4"\n',
    tomlTable('[task]', { name: `assay/${instanceId}` }),
    tomlTable('[metadata]', {
      ...{ instance_id: instanceId, repo, base_commit: baseCommit, language, version, difficulty },
      created_at: createdAt,
    }),
    tomlTable('[verifier]', { environment_mode: 'separate', timeout_sec: VERIFIER_SECONDS }),
    tomlTable('[verifier.env]', { ASSAY_URL: `\${ASSAY_URL:-}`, ASSAY_TOKEN: `\${ASSAY_TOKEN:-}` }),
    tomlTable('[[verifier.collect]]', { command: collectCommand({ workdir }), timeout_sec: COLLECT_SECONDS }),
    // Building the image is the harness's time, not the agent's; large published ones take long to pull.
    tomlTable('[environment]', { build_timeout_sec: 3600 }),
  ].join('\n');
}
