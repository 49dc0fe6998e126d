import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { type Diagnosis, diagnose, engineWith, type Malady, serve } from './doctor.js';

/** Names of the lines, in their order. */
export const CHECKS = [
  ...[
    'node',
    'git',
    'dataset',
    'hub',
    'clock',
    'engine',
    'platform',
    'storage',
    'limits',
    'seccomp',
    'trial',
  ],
  ...['leftovers', 'images', 'image disk', 'registry', 'runs', 'cache', 'memory', 'workers', 'open files'],
  ...['processes', 'proxy', 'certificates', 'python', 'gpu', 'trainer'],
];
export const LOCAL_CHECKS = CHECKS.filter(
  (name) => !['platform', 'storage', 'limits', 'seccomp', 'trial', 'image disk', 'registry'].includes(name),
);
/** Runs a program as a user who owns nothing; for root alone. */
export const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
export const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write(
    'Skipped set-ups of doctor that only root can make: other users, limits, mounts, groups.\n',
  );

/** Where the set-ups of a file of tests are made; each test has folders and servers of its own. */
export interface Ground {
  /** Stays for all tests of the file. */
  work: string;
  cwd: string;
  cache: string;
  /** Address of an engine that is well. */
  healthy: string;
  /** A server that goes when the test is over. */
  readonly start: (answer: Parameters<typeof serve>[0], at?: string) => Promise<string>;
  /** Runs doctor on SWE-bench Verified with an engine that is well, and no network, unless told otherwise. */
  readonly doctor: (options?: Partial<Parameters<typeof diagnose>[0]>) => Promise<Diagnosis>;
  readonly withEngine: (malady: Malady, args?: readonly string[]) => Promise<Diagnosis>;
}

/** Registers what makes and clears the ground. */
export function doctorGround(): Ground {
  let servers: Server[] = [];
  const ground: Ground = {
    ...{ work: '', cwd: '', cache: '', healthy: '' },
    async start(answer, at) {
      const { server, host } = await serve(answer, at);
      servers.push(server);
      return host;
    },
    doctor: (options = {}) =>
      diagnose({
        ...{ cwd: ground.cwd, cache: ground.cache, args: ['--offline'] },
        ...options,
        env: { DOCKER_HOST: `tcp://${ground.healthy}`, ...options.env },
      }),
    withEngine: async (malady, args = ['--offline']) =>
      ground.doctor({ args, env: { DOCKER_HOST: `tcp://${await ground.start(engineWith(malady))}` } }),
  };
  beforeAll(async () => {
    ground.work = await mkdtemp(join(tmpdir(), 'assay-doctor-'));
    await chmod(ground.work, 0o755);
  });
  afterAll(() => rm(ground.work, { recursive: true, force: true }));
  beforeEach(async () => {
    const own = await mkdtemp(join(ground.work, 'setup-'));
    await chmod(own, 0o755);
    ground.cwd = join(own, 'work');
    ground.cache = join(own, 'cache');
    await mkdir(ground.cwd);
    await mkdir(ground.cache);
    ground.healthy = await ground.start(engineWith({}));
  });
  afterEach(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    servers = [];
  });
  return ground;
}

/** The cause stands in that line with a fix, and every other line comes. */
export function expectCause(
  found: Diagnosis,
  name: string,
  expected: { readonly status?: 'warn' | 'fail'; readonly found: RegExp; readonly fix: RegExp },
  checks: readonly string[] = CHECKS,
): void {
  expect({ names: found.names, stderr: found.stderr }).toEqual({ names: checks, stderr: expect.any(String) });
  expect(found.lines[name]).toEqual({
    check: name,
    status: expected.status ?? 'fail',
    found: expect.stringMatching(expected.found),
    fix: expect.stringMatching(expected.fix),
  });
  if (expected.status !== 'warn') expect(found.code).toBe(3);
}
