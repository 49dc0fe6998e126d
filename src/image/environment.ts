import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import type { ImageEnvironment } from '../model/eval-spec.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { type BuildContext, imageOnce, type Workplace } from './build-context.js';
import { LABEL } from './labels.js';
import { type LayerEntry, writeLayer } from './layer.js';
import { type EnvironmentLock, parseLock, readLock, writeLock } from './lock.js';
import { buildRequirements } from './python.js';
import { environmentKey } from './recipe.js';
import { FILES, interpreterScript, packagesScript, SYSTEM_SCRIPT } from './scripts.js';

/** Name of the image of an environment. */
export function environmentTag(environment: ImageEnvironment): string {
  return `assay.env.${environmentKey(environment).slice(0, 16)}:latest`;
}

/**
 * The image of an environment, in up to three layers that environments share where they can: system packages; interpreter with a stand-in for
 * conda; pinned packages with the wheels of the build requirements. Versions are those of its lock file; without one they are resolved, and the
 * file is written.
 */
export async function environmentImage(
  context: BuildContext,
  environment: ImageEnvironment,
): Promise<ImageInfo> {
  const { locksDir, updateLocks, renewed, signal } = context;
  const key = environmentKey(environment);
  const file = await readLock(locksDir, key);
  /** Undefined when versions are to be resolved. */
  const kept = () => (updateLocks && !renewed.has(key) ? undefined : file);
  const base = await context.base(environment.python, signal);
  const system = await systemImage(context, { parent: base, environment, kept });
  const parent = await interpreterImage(context, { parent: system, environment });
  const contentKey = ({ pythonPackages, wheels }: EnvironmentLock) =>
    sha256(
      canonicalJson({ parent: parent.layers, key, pythonPackages, wheels, script: packagesScript(true) }),
    );
  const image = await imageOnce(context, {
    tag: environmentTag(environment),
    isCurrent({ labels }) {
      const lock = updateLocks && !renewed.has(key) ? undefined : (file ?? lockOf(labels));
      return lock !== undefined && labels[LABEL.key] === contentKey(lock);
    },
    async make(place) {
      const from = kept();
      const made = await layerOf(context, place, {
        image: parent.ref,
        files: {
          [FILES.packages]: lines(from?.pythonPackages ?? environment.pythonPackages),
          [FILES.build]: lines(from?.wheels.map(pinOf) ?? buildRequirements(undefined)),
        },
        script: environment.python === undefined ? '' : packagesScript(from !== undefined),
        results: environment.python === undefined ? [] : [FILES.pipLock, FILES.wheelsLock],
      });
      const [pythonPackages = [], wheels = []] = made.results;
      const lock: EnvironmentLock = from ?? {
        schemaVersion: 1,
        ...(environment.python === undefined ? {} : { python: parent.labels[LABEL.python] ?? '' }),
        systemPackages: [...linesOf(parent.labels[LABEL.system] ?? '')],
        pythonPackages: [...pythonPackages],
        wheels: [...wheels],
      };
      renewed.add(key);
      return {
        parent,
        layers: [made.layer],
        labels: {
          [LABEL.kind]: 'environment',
          [LABEL.key]: contentKey(lock),
          [LABEL.environment]: key,
          [LABEL.lock]: JSON.stringify(lock),
        },
        env: ['TZ=Etc/UTC'],
        comment: 'packages',
      };
    },
  });
  const lock = lockOf(image.labels);
  if (kept() !== undefined || lock === undefined) return image;
  await writeLock(locksDir, key, lock);
  return image;
}

/** The lock that an image of ours was built with. */
export function lockOf(labels: Readonly<Record<string, string>>): EnvironmentLock | undefined {
  const lock = parseLock(labels[LABEL.lock] ?? '');
  return typeof lock === 'string' ? undefined : lock;
}

interface StageOptions {
  readonly parent: ImageInfo;
  readonly environment: ImageEnvironment;
}

/** The base with the environment's Debian packages; the base itself when there are none. */
async function systemImage(
  context: BuildContext,
  { parent, environment, kept }: StageOptions & { readonly kept: () => EnvironmentLock | undefined },
): Promise<ImageInfo> {
  const { systemPackages } = environment;
  if (systemPackages.length === 0) return parent;
  const key = sha256(canonicalJson({ parent: parent.layers, systemPackages, script: SYSTEM_SCRIPT }));
  return imageOnce(context, {
    tag: `assay.system.${key.slice(0, 16)}:latest`,
    isCurrent({ labels }) {
      if (context.updateLocks && !context.renewed.has(key)) return false;
      const locked = kept()?.systemPackages;
      return labels[LABEL.key] === key && (locked === undefined || labels[LABEL.system] === lines(locked));
    },
    async make(place) {
      const { layer, results } = await layerOf(context, place, {
        image: parent.ref,
        files: { [FILES.apt]: lines(kept()?.systemPackages ?? systemPackages) },
        script: SYSTEM_SCRIPT,
        results: [FILES.aptLock],
      });
      context.renewed.add(key);
      const labels = { [LABEL.kind]: 'system', [LABEL.key]: key, [LABEL.system]: lines(results[0] ?? []) };
      return { parent, layers: [layer], labels, comment: 'system packages' };
    },
  });
}

/** An image with the environment's interpreter; the one below for environments without Python. */
async function interpreterImage(
  context: BuildContext,
  { parent, environment: { python } }: StageOptions,
): Promise<ImageInfo> {
  if (python === undefined) return parent;
  const script = interpreterScript(python);
  const key = sha256(canonicalJson({ parent: parent.layers, script }));
  return imageOnce(context, {
    tag: `assay.python.${key.slice(0, 16)}:latest`,
    isCurrent: ({ labels }) => labels[LABEL.key] === key,
    async make(place) {
      const { layer, results } = await layerOf(context, place, {
        image: parent.ref,
        files: {},
        script,
        results: [FILES.python],
      });
      const [version = ''] = results[0] ?? [];
      if (!version.startsWith(`${python}.`))
        context.onLog(`Python ${python} is asked for, the base image ${parent.ref} has ${version}`);
      const labels = {
        [LABEL.kind]: 'interpreter',
        [LABEL.key]: key,
        [LABEL.pythonRequested]: python,
        [LABEL.python]: version,
      };
      return { parent, layers: [layer], labels, comment: `Python ${version}` };
    },
  });
}

interface LayerOptions {
  readonly image: string;
  /** What the script reads, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly script: string;
  /** Files that the script writes for us. */
  readonly results: readonly string[];
}

/** What a script changes in a container of an image, as a layer, and the lines of the files that it wrote for us. */
async function layerOf(context: BuildContext, place: Workplace, options: LayerOptions) {
  const { image, files, script, results } = options;
  return place.session({ image, network: true }, async (session) => {
    const changes = await session.run(
      script,
      [...toEntries(files), ...certificatesOf(context)],
      results.map((path) => `/${path}`),
    );
    const entries = withDeletions(changes.written, changes.deleted);
    const layer = await writeLayer(entries, join(place.work, 'layer.tar'));
    return { layer, results: changes.results.map(linesOf) };
  });
}

/** The folders of what was deleted have changed, and so come before. */
async function* withDeletions(
  written: AsyncIterable<LayerEntry>,
  deleted: readonly string[],
): AsyncGenerator<LayerEntry> {
  yield* written;
  for (const path of deleted) yield { path, kind: 'deletion' };
}

/** `name==version` of a wheel's file name. */
export function pinOf(wheel: string): string {
  return wheel.split('-').slice(0, 2).join('==');
}

/** Files by path as entries of a layer. */
export function toEntries(files: Readonly<Record<string, string>>): readonly LayerEntry[] {
  return Object.entries(files).map(([path, content]) => ({
    path: path.replace(/^\//, ''),
    kind: 'file',
    content,
  }));
}

/** The certificates that scripts are to trust. */
export function certificatesOf({ certificates }: BuildContext): readonly LayerEntry[] {
  return certificates === undefined ? [] : toEntries({ [FILES.certificates]: certificates });
}

/** One item a line. */
export function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
