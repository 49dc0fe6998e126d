import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { AssayError } from '../../errors.js';
import { hasCode, readIfExists } from '../../util/files.js';
import type { Container, ContainerEngine, ContainerSpec } from '../engine.js';
import { command } from './command.js';
import type { ControlGroup } from './control-groups.js';
import { step } from './failures.js';
import { removeHalfMade, temporaryName } from './half-made.js';
import { carries, type ImageStore } from './image-store.js';
import { killSandbox, killUntilGone, threadsOf } from './processes.js';
import { type Machine, sandbox } from './sandbox.js';
import { OUTPUT_PIPE, removeTree } from './workspace.js';

interface ContainersOptions {
  readonly cacheDir: string;
  readonly images: Pick<ImageStore, 'open'>;
  readonly machine: () => Promise<Machine>;
}

/** What is kept beside a workspace, so that a later run knows whose it was. */
interface WorkspaceRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Containers extends ContainerEngine {
  /** Destroys all that were started and not destroyed. */
  close(): Promise<void>;
}

/**
 * Throw-away workspaces: `workspaces/<id>` is a copy of the image, `workspaces/<id>.json` its labels, written first and removed
 * last, so that every workspace can be traced to its run.
 */
export function containers({ cacheDir, images, machine }: ContainersOptions): Containers {
  const workspaces = join(cacheDir, 'workspaces');
  const alive = new Set<Container>();
  const recordFile = (id: string) => join(workspaces, `${id}.json`);
  const writeRecord = async (id: string, record: WorkspaceRecord) => {
    await mkdir(workspaces, { recursive: true });
    const temporary = join(workspaces, temporaryName(id));
    await writeFile(temporary, JSON.stringify(record));
    await rename(temporary, recordFile(id));
  };
  const discard = async (id: string) => {
    await removeTree(join(workspaces, id));
    await rm(recordFile(id), { force: true });
  };

  async function start(spec: ContainerSpec, signal: AbortSignal): Promise<Container> {
    if (spec.limits.capAdd.length > 0)
      throw new AssayError('engine_failed', `the local engine can't grant ${spec.limits.capAdd.join(', ')}`);
    const host = await machine();
    const image = await images.open(spec.image);
    const id = randomBytes(8).toString('hex');
    const folder = join(workspaces, id);
    const env = { PATH: host.tools.path, LANG: 'C' };
    let group: ControlGroup | undefined;
    let copy: Promise<unknown> | undefined;
    try {
      await writeRecord(id, { name: spec.name, labels: spec.labels });
      copy = command({ argv: ['cp', '-a', image.start, folder], env, signal });
      copy.catch(() => undefined);
      group = await host.groups?.create(id, spec.limits);
      await copy;
      const processes = group === undefined ? await threadsOf(userInfo().uid) : undefined;
      const container = sandbox({
        id,
        folder,
        workdir: image.workdir,
        spec,
        host,
        group,
        processes: processes === undefined ? undefined : processes + spec.limits.pids,
        pipes: [join(folder, OUTPUT_PIPE)],
        remove: async () => {
          await discard(id);
          alive.delete(container);
        },
      });
      alive.add(container);
      return container;
    } catch (error) {
      await copy?.catch(() => undefined);
      await group?.remove().catch(() => undefined);
      await discard(id).catch(() => undefined);
      throw error;
    }
  }

  async function reap(
    labels: Readonly<Record<string, string>>,
    isOrphan: (labels: Readonly<Record<string, string>>) => boolean,
  ): Promise<readonly string[]> {
    const names = await readdir(workspaces).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    });
    // What has no labels, as its maker died on the way, is as one with none.
    if (isOrphan({})) await removeHalfMade(workspaces);
    const reaped: string[] = [];
    for (const name of names.filter((entry) => entry.endsWith('.json'))) {
      const id = name.slice(0, -'.json'.length);
      const text = await readIfExists(recordFile(id));
      if (text === undefined) continue;
      const record = parseRecord(text);
      const isWanted =
        record === undefined ? isOrphan({}) : carries(record.labels, labels) && isOrphan(record.labels);
      if (!isWanted) continue;
      const group = (await machine()).groups?.of(id);
      if (group !== undefined) await killUntilGone(group.pids);
      await killSandbox(id);
      await group?.remove();
      await discard(id);
      reaped.push(id);
    }
    return reaped;
  }

  return {
    start: (spec, signal) => step(`can't start ${spec.name}`, signal, () => start(spec, signal)),
    reap: (labels, isOrphan) =>
      step("can't remove left-over workspaces", undefined, () => reap(labels, isOrphan)),
    close: async () => {
      await Promise.all([...alive].map((container) => container.destroy()));
    },
  };
}

/** Undefined for text that only a machine that lost power leaves behind. */
function parseRecord(text: string): WorkspaceRecord | undefined {
  try {
    return JSON.parse(text) as WorkspaceRecord;
  } catch {
    return undefined;
  }
}
