import { access, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Gpu } from '../doctor/programs.js';
import type { Folder } from '../doctor/resources.js';
import type { DockerState, EngineFailure } from '../engine/docker/state.js';
import { command } from '../engine/local/command.js';
import { defaultWorkers } from '../run/schedule.js';
import { hasCode } from '../util/files.js';
import { messageOf } from '../util/words.js';
import type { Host } from './host.js';

const PROGRAM_MS = 5000;
/** A file of this size, because a full disk takes an empty one. */
const SAMPLE_BYTES = 64 * 1024;

/** Writes a file where the folder is or would be made, and removes it. Never rejects. */
export async function lookAtFolder(path: string, host: Host): Promise<Folder> {
  try {
    let folder = path;
    while (!(await exists(folder)) && folder !== dirname(folder)) folder = dirname(folder);
    const file = join(folder, `.assay-doctor.${host.self.pid}`);
    try {
      await writeFile(file, Buffer.alloc(SAMPLE_BYTES), { flag: 'wx' });
    } finally {
      await rm(file, { force: true });
    }
    return { path, freeBytes: (await freeBytes(folder)) ?? 0 };
  } catch (error) {
    return { path, freeBytes: 0, error: String((error as { code?: unknown }).code ?? messageOf(error)) };
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error) => !hasCode(error, 'ENOENT'),
  );
}

/** Free bytes of the disk below a folder; undefined where this machine doesn't see it. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  return found === undefined ? undefined : found.bavail * found.bsize;
}

/** Bounds on processes, of our user and of our control group; undefined each where the system doesn't tell, or has none. */
export async function processLimits(): Promise<{
  readonly user: number | undefined;
  readonly group: number | undefined;
}> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return {
    user: numberOf(/^Max processes +(\d+)/m.exec(limits)?.[1]),
    group: await groupProcesses(),
  };
}

/** `pids.max` of our control group, of version 1 or 2. */
async function groupProcesses(): Promise<number | undefined> {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const path = (controllers: string) => new RegExp(`^\\d+:${controllers}:(/.*)$`, 'm').exec(groups)?.[1];
  const root = '/sys/fs/cgroup';
  for (const folder of [join(root, 'pids', path('pids') ?? ''), join(root, path('') ?? '')]) {
    const text = await readFile(join(folder, 'pids.max'), 'utf8').catch(() => undefined);
    if (text !== undefined) return numberOf(text.trim());
  }
  return undefined;
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The memory bound of our control group in bytes; undefined where there is none below what the machine has. */
export function ownMemory(): number | undefined {
  const bytes = process.constrainedMemory();
  return bytes > 0 && bytes < totalmem() ? bytes : undefined;
}

/** What attempts may use. */
export interface Capacity {
  readonly cpus: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Default of `-j`. */
  readonly workers: number;
}

/** Cores and memory of this machine or, where it has less, of the engine's. */
export async function capacityOf(
  asked: Promise<DockerState | { readonly failures: readonly EngineFailure[] }> | undefined,
): Promise<Capacity> {
  const state = await asked;
  const engine = state === undefined || 'failures' in state ? undefined : state;
  const cpus = Math.min(engine?.cpus || Number.POSITIVE_INFINITY, availableParallelism());
  const totalBytes = engine?.memoryBytes || totalmem();
  const free = Math.min(totalBytes, freemem());
  return { cpus, totalBytes, freeBytes: free, workers: defaultWorkers(cpus, free) };
}

/** What a program prints; undefined when it isn't on PATH. Rejects with its words when it fails. */
export async function said(
  argv: readonly string[],
  { env, signal }: { readonly env: Host['env']; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const own = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  try {
    return await command({ argv, env: Object.fromEntries(own), signal, timeout: PROGRAM_MS });
  } catch (error) {
    if (error instanceof Error && hasCode(error.cause, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The GPUs that Nvidia's tool lists. */
export async function gpuOf(host: Host, signal: AbortSignal): Promise<Gpu> {
  const query = ['nvidia-smi', '--query-gpu=name,memory.total', '--format=csv,noheader'];
  try {
    const names = await said(query, { env: host.env, signal });
    if (names !== undefined && names !== '') return { kind: 'found', names: names.split('\n') };
    if (!(await exists('/proc/driver/nvidia/version'))) return { kind: 'none' };
    return { kind: 'broken', words: 'a driver is loaded, but the tool is missing or lists nothing' };
  } catch (error) {
    return { kind: 'broken', words: messageOf(error) };
  }
}
