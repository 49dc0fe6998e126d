import type Docker from 'dockerode';
import { AssayError, toAssayError } from '../../errors.js';
import { isObject } from '../../util/json-file.js';
import { call, get, statusOf } from './call.js';
import { candidates, dial, type EngineAddress } from './connect.js';

/** What an engine says of itself; texts are empty, lists too, and numbers 0 where it doesn't say. */
export interface DockerState {
  readonly address: string;
  readonly version: string;
  /** e.g. `1.41`. */
  readonly apiVersion: string;
  /** Of its containers: `linux`, `windows`. */
  readonly os: string;
  /** As images name it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Name of its machine. */
  readonly machine: string;
  /** The system that it runs on, for people: `Docker Desktop`. */
  readonly product: string;
  /** Folder of its images, on its own machine. */
  readonly rootDir: string;
  readonly storageDriver: string;
  readonly cgroupVersion: string;
  /** Bounds on containers that it can't set, for people. */
  readonly missingLimits: readonly string[];
  readonly rootless: boolean;
  readonly seccomp: boolean;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** URLs of the registries that it asks before Docker Hub. */
  readonly mirrors: readonly string[];
}

/** Why an engine can't be used. */
export type Unreachable =
  | 'bad_address'
  | 'no_socket'
  | 'no_permission'
  | 'refused'
  | 'unknown_host'
  | 'silent'
  | 'tls'
  | 'not_docker'
  | 'other';

/** An address that was tried in vain. */
export interface EngineFailure {
  readonly address: string;
  readonly reason: Unreachable;
  /** For people. */
  readonly words: string;
}

const LIMITS = { MemoryLimit: 'memory', PidsLimit: 'processes', CpuCfsQuota: 'CPU time' } as const;

/** What the first engine that answers says of itself, or why none does; `ms` milliseconds for each answer. Never rejects. */
export async function dockerState(
  address: EngineAddress,
  ms: number,
): Promise<DockerState | { readonly failures: readonly EngineFailure[] }> {
  const failures: EngineFailure[] = [];
  for (const candidate of candidates(address)) {
    try {
      return await ask(candidate, await dial(candidate, ms), ms);
    } catch (error) {
      failures.push(failureOf(candidate, toAssayError(error)));
    }
  }
  return { failures };
}

async function ask(address: string, docker: Docker, ms: number): Promise<DockerState> {
  const question = (what: string, path: string) =>
    call({ what, signal: AbortSignal.timeout(ms) }, (abortSignal) => get(docker, path, { abortSignal }));
  const [info, version] = await Promise.all([
    question('ask for its state', '/info'),
    question('ask for its version', '/version'),
  ]);
  if (!isObject(info) || !isObject(version) || textOf(info['ServerVersion']) === '')
    throw new AssayError('engine_unavailable', `${address} answers, but is no Docker engine`);
  const registries = isObject(info['RegistryConfig']) ? info['RegistryConfig']['Mirrors'] : undefined;
  return {
    address,
    version: textOf(info['ServerVersion']),
    apiVersion: textOf(version['ApiVersion']),
    os: textOf(info['OSType']),
    architecture: textOf(version['Arch']),
    machine: textOf(info['Name']),
    product: textOf(info['OperatingSystem']),
    rootDir: textOf(info['DockerRootDir']),
    storageDriver: textOf(info['Driver']),
    cgroupVersion: textOf(info['CgroupVersion']),
    missingLimits: Object.entries(LIMITS).flatMap(([field, name]) => (info[field] === false ? [name] : [])),
    rootless: textsOf(info['SecurityOptions']).some((option) => option.startsWith('name=rootless')),
    seccomp: hasSeccomp(info['SecurityOptions']),
    memoryBytes: numberOf(info['MemTotal']),
    cpus: numberOf(info['NCPU']),
    time: Date.parse(textOf(info['SystemTime'])) || 0,
    mirrors: textsOf(registries),
  };
}

/** Whether a filter of system calls is on: the engine lists e.g. `name=seccomp,profile=default`, and nothing where the kernel has none. */
export function hasSeccomp(options: unknown): boolean {
  const found = Array.isArray(options)
    ? options.map(String).find((option) => /^(name=)?seccomp\b/.test(option))
    : undefined;
  return found !== undefined && !found.includes('profile=unconfined');
}

function failureOf(address: string, error: AssayError): EngineFailure {
  const words = error.message.replace(/^docker: (reach \S+: )?/, '');
  return { address, reason: reasonOf(error), words };
}

/** Codes of errors of a connection, of which TLS has too many to list. */
const CODES: Readonly<Record<string, Unreachable>> = {
  ENOENT: 'no_socket',
  EACCES: 'no_permission',
  EPERM: 'no_permission',
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown_host',
  EAI_AGAIN: 'unknown_host',
  ETIMEDOUT: 'silent',
  EPROTO: 'tls',
};

function reasonOf(error: AssayError): Unreachable {
  const code = (error.cause as { readonly code?: unknown } | undefined)?.code;
  if (typeof code === 'string') {
    if (Object.hasOwn(CODES, code)) return CODES[code] ?? 'other';
    if (/CERT|SSL|TLS/.test(code)) return 'tls';
  }
  if (/HTTP request to an HTTPS server/.test(error.message)) return 'tls';
  if (/no answer in time/.test(error.message)) return 'silent';
  if (/^not an address/.test(error.message)) return 'bad_address';
  return /is no Docker engine/.test(error.message) || statusOf(error) !== undefined ? 'not_docker' : 'other';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}
