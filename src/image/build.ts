import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { ImageEngine, ImageInfo } from '../engine/engine.js';
import { AssayError, toAssayError } from '../errors.js';
import type { ImageRecipe } from '../model/eval-spec.js';
import { writeAtomic } from '../util/files.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { type ContextFile, contextTar, filesBelow } from './context.js';
import { exportHistory, fileAtCommit } from './history.js';
import { buildRequirements, choosePython, type PythonChoice } from './python.js';
import {
  environmentDockerfile,
  installEnvironmentScript,
  instanceDockerfile,
  setupScript,
} from './scripts.js';
import { SHIM } from './shim.js';

/** Labels of the images that we make; containers inherit them, hence a prefix of their own. */
const LABEL = 'assay.image';
/** Author date of the commit of a tree that has no history. */
const EPOCH = '1577836800 +0000';

export interface BuildOptions {
  readonly recipe: ImageRecipe;
  readonly engine: ImageEngine;
  /** A local image with git, patch and, if the recipe asks for it, Python with venv. */
  readonly base: ImageInfo;
  /** Git repository that holds the recipe's commit; needed for `git` sources. */
  readonly mirror?: string;
  /** For build logs (`build-logs/`) and work files, which are removed. */
  readonly cacheDir: string;
  /** PEM file to trust while packages are fetched, beyond a proxy with its own certificate; never in the image. */
  readonly caFile?: string;
  readonly signal: AbortSignal;
  readonly onLog: (line: string) => void;
}

/** Name under which the image of a recipe is built and found. */
export function instanceTag(name: string): string {
  return `assay.eval.${name.toLowerCase()}:latest`;
}

/**
 * Builds the environment image (packages, shared by instances) unless it is there, then the instance image (tree, history, install).
 * An image that is there with the same content key is used as it is. Rejects with `image_build_failed`.
 */
export async function buildInstanceImage(options: BuildOptions): Promise<ImageInfo> {
  const { recipe, base, cacheDir } = options;
  const { commit, mirror } = gitSource(options);
  const python =
    recipe.environment.python === undefined
      ? undefined
      : choosePython(recipe.environment.python, base.labels);
  const environment = await environmentImage(options, python);
  const tag = instanceTag(recipe.name);
  const key = sha256(
    canonicalJson({
      environment: environment.labels[`${LABEL}.key`],
      source: commit ?? (await treeHash(recipe)),
      setup: setupScript(recipe, EPOCH),
    }),
  );
  const work = await mkdtemp(join(cacheDir, 'build-'));
  try {
    return await buildOnce(options, {
      tag,
      key,
      labels: { ...pythonLabels(recipe, python), [`${LABEL}.kind`]: 'instance' },
      files: async () => {
        const root = `root${recipe.workdir}`;
        const date =
          commit === undefined || mirror === undefined
            ? EPOCH
            : await exportHistory({ mirror, commit, into: work, signal: options.signal });
        const tree = recipe.source.kind === 'tree' ? await filesBelow(recipe.source.dir, root) : [];
        return [
          { path: 'Dockerfile', content: instanceDockerfile(environment.ref, recipe.workdir) },
          { path: 'root/assay-setup.sh', content: setupScript(recipe, date) },
          ...tree,
          ...(commit === undefined ? [] : await filesBelow(work, `${root}/.git`)),
        ];
      },
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function environmentImage(options: BuildOptions, python: PythonChoice | undefined): Promise<ImageInfo> {
  const { recipe, base } = options;
  if (python !== undefined && !python.asRequested)
    options.onLog(
      `${recipe.name}: Python ${recipe.environment.python} is asked for, the base image ${base.ref} has ${python.version}`,
    );
  const files: readonly ContextFile[] = [
    {
      path: 'Dockerfile',
      content: environmentDockerfile({
        base: base.ref,
        systemPackages: recipe.environment.systemPackages,
        python: python !== undefined,
      }),
    },
    ...(python === undefined ? [] : await pythonFiles(options, python)),
  ];
  const key = sha256(canonicalJson({ base: base.digest, files }));
  return buildOnce(options, {
    tag: `assay.env.${key.slice(0, 16)}:latest`,
    key,
    labels: { ...pythonLabels(recipe, python), [`${LABEL}.kind`]: 'environment' },
    files: async () =>
      options.caFile === undefined || python === undefined
        ? files
        : [...files, { path: 'fetch/ca.pem', content: await readFile(options.caFile, 'utf8') }],
  });
}

async function pythonFiles(options: BuildOptions, python: PythonChoice): Promise<readonly ContextFile[]> {
  const { commit, mirror } = gitSource(options);
  const { signal, recipe } = options;
  const pyproject =
    commit === undefined || mirror === undefined
      ? undefined
      : await fileAtCommit({ mirror, commit, path: 'pyproject.toml', signal });
  return [
    { path: 'fetch/install.sh', content: installEnvironmentScript(python.command) },
    { path: 'fetch/packages.txt', content: lines(recipe.environment.pythonPackages) },
    { path: 'fetch/build.txt', content: lines(buildRequirements(pyproject)) },
    ...Object.entries(SHIM).map(([path, content]) => ({ path: `root${path}`, content })),
  ];
}

interface Layer {
  readonly tag: string;
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly files: () => Promise<readonly ContextFile[]>;
}

async function buildOnce(options: BuildOptions, layer: Layer): Promise<ImageInfo> {
  const { engine, signal } = options;
  const { tag, key } = layer;
  const present = await engine.inspect(tag, signal);
  if (present?.labels[`${LABEL}.key`] === key) return present;
  const log: string[] = [];
  const logFile = join(options.cacheDir, 'build-logs', `${tag.replace(/:latest$/, '')}.log`);
  try {
    return await engine.build({
      context: contextTar(await layer.files()),
      tag,
      labels: { ...layer.labels, [`${LABEL}.key`]: key },
      signal,
      onLog: (coloured) => {
        const line = stripVTControlCharacters(coloured);
        log.push(line);
        options.onLog(line);
      },
    });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toAssayError(thrown);
    throw new AssayError(error.code, `${error.message} (build log: ${logFile})`, {
      detail: log.slice(-20).join('\n'),
      cause: error,
    });
  } finally {
    await writeAtomic(logFile, lines(log));
  }
}

function gitSource({ recipe, mirror }: BuildOptions) {
  if (recipe.source.kind !== 'git') return {};
  if (mirror === undefined)
    throw new AssayError(
      'image_build_failed',
      `${recipe.name}: no git repository of ${recipe.source.repo} to build from`,
    );
  return { commit: recipe.source.commit, mirror };
}

async function treeHash({ source }: ImageRecipe): Promise<string> {
  if (source.kind !== 'tree') return '';
  const files = await filesBelow(source.dir, '');
  const hashed = await Promise.all(
    files.map(async (file) => [file.path, 'file' in file ? sha256(await readFile(file.file)) : file]),
  );
  return sha256(canonicalJson(hashed.sort()));
}

function pythonLabels(
  recipe: ImageRecipe,
  python: PythonChoice | undefined,
): Readonly<Record<string, string>> {
  if (python === undefined || recipe.environment.python === undefined) return {};
  return { [`${LABEL}.python`]: python.version, [`${LABEL}.python.requested`]: recipe.environment.python };
}

function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
