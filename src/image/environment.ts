import { join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import type { ImageEnvironment } from '../model/eval-spec.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import type { ImageSpec } from './archive.js';
import { type BuildContext, imageOnce, LABEL, type Workplace } from './build-context.js';
import { type LayerEntry, writeLayer } from './layer.js';
import { type EnvironmentLock, parseLock, readLock, writeLock } from './lock.js';
import { buildRequirements } from './python.js';
import { environmentKey } from './recipe.js';
import { environmentScript, FILES } from './scripts.js';
import type { Session } from './session.js';

/** Name of the image of an environment. */
export function environmentTag(environment: ImageEnvironment): string {
  return `assay.env.${environmentKey(environment).slice(0, 16)}:latest`;
}

/**
 * The image of an environment: system packages, interpreter, pinned packages, wheels of the build requirements, a stand-in for conda. Versions are
 * those of its lock file; without one they are resolved, and the file is written.
 */
export async function environmentImage(
  context: BuildContext,
  environment: ImageEnvironment,
): Promise<ImageInfo> {
  const { locksDir, updateLocks, onLog, signal } = context;
  const { python } = environment;
  const key = environmentKey(environment);
  const base = await context.base(python, signal);
  const kept = updateLocks ? undefined : await readLock(locksDir, key);
  const contentKey = (lock: EnvironmentLock) => {
    const script = environmentScript({ ...environment, locked: true });
    return sha256(canonicalJson({ base: base.layers, key, lock, script }));
  };
  const image = await imageOnce(context, {
    tag: environmentTag(environment),
    isCurrent({ labels }) {
      const lock = kept ?? (updateLocks ? undefined : lockOf(labels));
      return lock !== undefined && labels[LABEL.key] === contentKey(lock);
    },
    async make(place) {
      const { lock, layer } = await install({ environment, place, context, image: base.ref, kept });
      if (python !== undefined && !lock.python?.startsWith(`${python}.`))
        onLog(`Python ${python} is asked for, the base image ${base.ref} has ${lock.python}`);
      return {
        parent: base,
        layers: [layer],
        labels: {
          [LABEL.kind]: 'environment',
          [LABEL.key]: contentKey(lock),
          [LABEL.environment]: key,
          [LABEL.lock]: JSON.stringify(lock),
          ...(python === undefined
            ? {}
            : { [LABEL.pythonRequested]: python, [LABEL.python]: lock.python ?? '' }),
        },
        env: ['TZ=Etc/UTC'],
        comment: 'environment',
      } satisfies Omit<ImageSpec, 'tag'>;
    },
  });
  const lock = lockOf(image.labels);
  if (kept === undefined && lock !== undefined) await writeLock(locksDir, key, lock);
  return image;
}

/** The lock that an image of ours was built with. */
export function lockOf(labels: Readonly<Record<string, string>>): EnvironmentLock | undefined {
  const lock = parseLock(labels[LABEL.lock] ?? '');
  return typeof lock === 'string' ? undefined : lock;
}

interface InstallOptions {
  readonly environment: ImageEnvironment;
  readonly place: Workplace;
  readonly context: BuildContext;
  readonly image: string;
  readonly kept: EnvironmentLock | undefined;
}

async function install({ environment, place, context, image, kept }: InstallOptions) {
  const { python, systemPackages, pythonPackages } = environment;
  const files: Record<string, string> = {
    [FILES.apt]: lines(kept?.systemPackages ?? systemPackages),
    [FILES.packages]: lines(kept?.pythonPackages ?? pythonPackages),
    [FILES.build]: lines(kept === undefined ? buildRequirements(undefined) : kept.wheels.map(pinOf)),
  };
  if (context.certificates !== undefined) files[FILES.certificates] = context.certificates;
  return place.session(image, async (session) => {
    await session.put(toEntries(files));
    await session.run(environmentScript({ python, locked: kept !== undefined }));
    const lock = await readResolved(session, python !== undefined);
    const { written } = await session.changes();
    const layer = await writeLayer(written, join(place.work, 'environment.tar'));
    return { lock: kept ?? lock, layer };
  });
}

async function readResolved(session: Session, python: boolean): Promise<EnvironmentLock> {
  const list = async (path: string) =>
    (await session.text(`/${path}`)).split('\n').filter((line) => line !== '');
  return {
    schemaVersion: 1,
    ...(python ? { python: (await session.text(`/${FILES.python}`)).trim() } : {}),
    systemPackages: await list(FILES.aptLock),
    pythonPackages: await list(FILES.pipLock),
    wheels: await list(FILES.wheelsLock),
  };
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

/** One item a line. */
export function lines(items: readonly string[]): string {
  return items.map((item) => `${item}\n`).join('');
}
