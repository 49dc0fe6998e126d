import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../../util/files.js';
import type { SandboxLimits } from '../engine.js';

/** One sandbox's bounds in the kernel: memory, processes and CPU of everything inside together. */
export interface ControlGroup {
  /** A process that writes `0` into each of these joins. */
  readonly joinFiles: readonly string[];
  pids(): Promise<readonly number[]>;
  /** The kernel killed a process of the group for memory. */
  oomKilled(): Promise<boolean>;
  /** Every process must be gone. */
  remove(): Promise<void>;
}

export interface ControlGroups {
  create(id: string, limits: SandboxLimits): Promise<ControlGroup>;
  /** The group that was created under this id, maybe by a process that is gone; it need not be there any more. */
  of(id: string): ControlGroup;
}

interface Place {
  readonly parent: string;
  /** File of the group -> its value. */
  readonly settings: (limits: SandboxLimits) => Readonly<Record<string, string>>;
  /** File that says `oom_kill N`. */
  readonly events?: string;
}

const CPU_PERIOD_US = 100_000;
const quota = ({ cpus }: SandboxLimits) => Math.round(cpus * CPU_PERIOD_US);
/** No swap: with it a limit is a slow-down, not a bound. Not every kernel has the file. */
const OPTIONAL = ['memory.swap.max', 'memory.memsw.limit_in_bytes'];
const V1: Readonly<Record<string, Omit<Place, 'parent'>>> = {
  memory: {
    settings: ({ memoryBytes }) => ({
      'memory.limit_in_bytes': `${memoryBytes}`,
      'memory.memsw.limit_in_bytes': `${memoryBytes}`,
    }),
    events: 'memory.oom_control',
  },
  pids: { settings: ({ pids }) => ({ 'pids.max': `${pids}` }) },
  cpu: { settings: (limits) => ({ 'cpu.cfs_quota_us': `${quota(limits)}` }) },
};
const V2: Omit<Place, 'parent'> = {
  settings: (limits) => ({
    'memory.max': `${limits.memoryBytes}`,
    'memory.swap.max': '0',
    'pids.max': `${limits.pids}`,
    'cpu.max': `${quota(limits)} ${CPU_PERIOD_US}`,
  }),
  events: 'memory.events',
};
const REMOVE_TRIES = 50;

/** Control groups, where this process may make them (as root, mostly); found by making one. `id` names that one. */
export async function findControlGroups(options: {
  readonly id: string;
  readonly mount?: string;
  /** Content of `/proc/self/cgroup`. */
  readonly own?: string;
}): Promise<ControlGroups | undefined> {
  const { id, mount = '/sys/fs/cgroup' } = options;
  try {
    const places = placesOf(options.own ?? (await readFile('/proc/self/cgroup', 'utf8')), mount);
    if (places.length === 0) return undefined;
    const groups: ControlGroups = {
      create: (name, limits) => create(places, name, limits),
      of: (name) => groupOf(places, name),
    };
    const limits = { memoryBytes: 2 ** 30, cpus: 1, pids: 64, network: false, capAdd: [] };
    await (await groups.create(id, limits)).remove();
    return groups;
  } catch {
    return undefined;
  }
}

/** Where groups go: with version 1 below our own, with version 2 beside it, because a group with processes has no children. */
function placesOf(own: string, mount: string): readonly Place[] {
  const rows = own.split('\n').map((row) => row.match(/^\d+:([^:]*):(\/.*)$/));
  const places: Place[] = [];
  for (const row of rows) {
    const [, controllers = '', path = ''] = row ?? [];
    for (const controller of controllers.split(',')) {
      const rules = V1[controller];
      if (rules !== undefined) places.push({ ...rules, parent: join(mount, controllers, path) });
    }
  }
  if (places.length === Object.keys(V1).length) return places;
  const unified = rows.find((row) => row?.[1] === '')?.[2];
  return unified === undefined ? [] : [{ ...V2, parent: join(mount, dirname(unified)) }];
}

async function create(places: readonly Place[], id: string, limits: SandboxLimits): Promise<ControlGroup> {
  const group = groupOf(places, id);
  try {
    await Promise.all(foldersOf(places, id).map((folder) => mkdir(folder)));
    for (const { parent, settings } of places)
      for (const [file, value] of Object.entries(settings(limits)))
        await writeFile(join(parent, `assay-${id}`, file), value).catch((error: unknown) => {
          if (!OPTIONAL.includes(file)) throw error;
        });
  } catch (error) {
    await group.remove();
    throw error;
  }
  return group;
}

function groupOf(places: readonly Place[], id: string): ControlGroup {
  const joinFiles = foldersOf(places, id).map((folder) => join(folder, 'cgroup.procs'));
  const events = places.flatMap(({ parent, events }) =>
    events ? [join(parent, `assay-${id}`, events)] : [],
  );
  const readAll = (files: readonly string[]) =>
    Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return {
    joinFiles,
    pids: async () =>
      [...new Set((await readAll(joinFiles)).join('\n').split('\n').map(Number))].filter((pid) => pid > 0),
    oomKilled: async () => (await readAll(events)).some((text) => /^oom_kill [1-9]/m.test(text)),
    remove: async () => {
      await Promise.all(foldersOf(places, id).map(removeGroup));
    },
  };
}

function foldersOf(places: readonly Place[], id: string): readonly string[] {
  return [...new Set(places.map(({ parent }) => join(parent, `assay-${id}`)))];
}

async function removeGroup(folder: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      // A killed process leaves its group a moment after its parent has seen it die.
      if (!hasCode(error, 'EBUSY') || tries === REMOVE_TRIES) throw error;
      await sleep(2 * Math.min(tries, 10));
    }
  }
}
