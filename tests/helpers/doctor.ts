import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Line } from '../../src/doctor/finding.js';
import { packageRoot } from '../../src/util/package.js';

const MAIN = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');

/** What `assay doctor --json` said. */
export interface Diagnosis {
  readonly code: number | null;
  readonly stderr: string;
  /** Names of the checks in the order of their lines. */
  readonly names: readonly string[];
  readonly lines: Readonly<Record<string, Line>>;
}

interface Setup {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly cache: string;
  /** A program that runs the command, and its arguments. */
  readonly under?: readonly string[];
}

/** The built command in a set-up. */
export async function diagnose({ args = [], env, cwd, cache, under = [] }: Setup): Promise<Diagnosis> {
  const [program = '', ...rest] = [...under, process.execPath, MAIN, 'doctor', '--json', ...args];
  const child = spawn(program, rest, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cache, ASSAY_CACHE: cache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
  return {
    code,
    stderr,
    names: lines.map(({ check }) => check),
    lines: Object.fromEntries(lines.map((line) => [line.check, line])),
  };
}

/** What a server says to a path: a status and a JSON body, or headers too. */
export type Answer = {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A server on this machine that answers each request as told; `undefined` never answers. */
export async function serve(
  answer: (path: string, headers: Readonly<Record<string, unknown>>) => Answer | undefined,
  at?: string,
): Promise<{ readonly host: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const said = answer(request.url ?? '', request.headers);
    if (said === undefined) return;
    const { status = 200, body = '', headers = {} } = said;
    response.writeHead(status, headers);
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  server.listen(at ?? { host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  return { server, host: at ?? `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const INFO = {
  ServerVersion: '24.0.7',
  OSType: 'linux',
  OperatingSystem: 'a test',
  Driver: 'overlay2',
  CgroupVersion: '2',
  MemoryLimit: true,
  PidsLimit: true,
  CpuCfsQuota: true,
  SecurityOptions: ['name=seccomp,profile=builtin'],
  DockerRootDir: '/nowhere',
  NCPU: 4,
  MemTotal: 16 * 2 ** 30,
};

/** How a Docker engine differs from one that is well. */
export interface Malady {
  readonly info?: Readonly<Record<string, unknown>>;
  readonly version?: Readonly<Record<string, unknown>>;
  readonly images?: readonly unknown[];
  readonly containers?: readonly unknown[];
  /** What the engine says when a container is to be made. */
  readonly create?: string;
}

/** What such an engine answers. */
export function engineWith({ info, version, images = [], containers = [], create = 'no' }: Malady) {
  return (path: string): Answer => {
    if (path.startsWith('/_ping')) return { body: 'OK' };
    if (path.startsWith('/info')) return { body: { ...INFO, SystemTime: new Date().toISOString(), ...info } };
    if (path.startsWith('/version')) return { body: { ApiVersion: '1.43', Arch: 'amd64', ...version } };
    if (path.startsWith('/images/json')) return { body: images };
    if (path.startsWith('/containers/json')) return { body: containers };
    return { status: 500, body: { message: create } };
  };
}
