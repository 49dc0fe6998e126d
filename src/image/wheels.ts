import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ImageInfo } from '../engine/engine.js';
import { canonicalJson, sha256 } from '../util/hash.js';
import { withLock } from '../util/lock.js';
import type { BuildContext, Workplace } from './build-context.js';
import { certificatesOf, lines, pinOf, toEntries } from './environment.js';
import { fileAtCommit } from './history.js';
import { LABEL } from './labels.js';
import { type LayerEntry, readEntries, writeLayer } from './layer.js';
import { readLock, writeLock } from './lock.js';
import { buildRequirements } from './python.js';
import { FILES, wheelsScript } from './scripts.js';
import { WHEELS } from './shim.js';

interface WheelsOptions {
  readonly environment: ImageInfo;
  readonly repository: string;
  readonly commit: string;
  readonly place: Workplace;
}

/**
 * Wheels of the project's build requirements (PEP 518) that the environment lacks, so that it installs without a network. They are fetched once for
 * each list of requirements, kept in the cache, and their versions in the environment's lock file.
 */
export async function wheelsFor(
  context: BuildContext,
  options: WheelsOptions,
): Promise<readonly LayerEntry[]> {
  const { environment, repository, commit } = options;
  const { signal, cacheDir, locksDir, updateLocks, renewed, owner, onLog } = context;
  if (environment.labels[LABEL.python] === undefined) return [];
  const pyproject = await fileAtCommit({ repository, commit, path: 'pyproject.toml', signal });
  const asked = buildRequirements(pyproject);
  const common = buildRequirements(undefined);
  if (asked.every((requirement) => common.includes(requirement))) return [];
  const name = asked.join(' ');
  const key = environment.labels[LABEL.environment] ?? '';
  const path = join(locksDir, `.${key.slice(0, 16)}.lock`);
  // One at a time, as each adds to the lock file.
  return withLock({ path, owner, signal, onWait: onLog }, async () => {
    const lock = await readLock(locksDir, key);
    const isNew = updateLocks && !renewed.has(`${key} ${name}`);
    const known = isNew ? undefined : lock?.projects?.[name];
    const content = [environment.labels[LABEL.key], known];
    const kept = join(cacheDir, 'wheels', `${sha256(canonicalJson(content)).slice(0, 16)}.tar`);
    if (known !== undefined && existsSync(kept)) return entriesOf(kept);
    const { file, names } = await fetchWheels(context, options, known?.map(pinOf) ?? asked);
    if (lock !== undefined && known === undefined)
      await writeLock(locksDir, key, { ...lock, projects: { ...lock.projects, [name]: names } });
    renewed.add(`${key} ${name}`);
    const own = sha256(canonicalJson([environment.labels[LABEL.key], names])).slice(0, 16);
    const to = join(cacheDir, 'wheels', `${own}.tar`);
    await mkdir(dirname(to), { recursive: true });
    await rename(file, to);
    return entriesOf(to);
  });
}

/** A layer of the wheels that requirements add to the environment's, and their file names. */
async function fetchWheels(
  context: BuildContext,
  { environment, place }: WheelsOptions,
  requirements: readonly string[],
): Promise<{ readonly file: string; readonly names: string[] }> {
  return place.session({ image: environment.ref, network: true }, async (session) => {
    const { written } = await session.run(wheelsScript(), [
      ...toEntries({ [FILES.build]: lines(requirements) }),
      ...certificatesOf(context),
    ]);
    const wheels: LayerEntry[] = [];
    for await (const entry of written)
      if (entry.kind === 'file' && entry.path.startsWith(`${WHEELS.slice(1)}/`)) wheels.push(entry);
    const { file } = await writeLayer(wheels, join(place.work, 'wheels.tar'));
    return { file, names: wheels.map(({ path }) => basename(path)) };
  });
}

async function entriesOf(tar: string): Promise<readonly LayerEntry[]> {
  const entries: LayerEntry[] = [];
  for await (const entry of readEntries(createReadStream(tar))) entries.push(entry);
  return entries;
}
