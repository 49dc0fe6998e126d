import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import type { Engine } from '../engine.js';
import { call, expectText } from './call.js';
import { connect, type EngineAddress } from './connect.js';
import { dockerContainers, type Patience } from './containers.js';
import { dockerImages } from './images.js';
import { oomWatch } from './oom.js';
import { hasSeccomp } from './state.js';

/** How to reach the engine, and how long to wait for one that hangs. */
export interface DockerEngineOptions extends EngineAddress {
  /** DOCKER_CONFIG: the folder of the logins that `docker login` left; default `.docker` in `home`. */
  readonly configFolder?: string;
  /** A runtime of the engine's to start containers with, e.g. `runsc` (gVisor) or `kata`; default: the engine's own default. */
  readonly runtime?: string;
  readonly patience?: Partial<EnginePatience>;
}

/** How long we wait for an engine that doesn't answer, in milliseconds. */
interface EnginePatience extends Patience {
  /** For each address that is tried, and for its state. */
  readonly connectMs: number;
}

const PATIENCE: EnginePatience = {
  connectMs: 10_000,
  removeMs: 60_000,
  createGraceMs: 10_000,
  exitCodeMs: 10_000,
};

const NO_SECCOMP =
  'this Docker engine runs containers without a seccomp profile: patches may make every system call of the kernel. Set seccomp-profile in its daemon.json, or use --runtime';

/** An Engine over a Docker daemon. Connects on first use; `engine_unavailable` if nothing answers. */
export function dockerEngine(options: DockerEngineOptions = {}): Engine {
  const oom = oomWatch();
  const patience = { ...PATIENCE, ...options.patience };
  let connection: Promise<Docker> | undefined;

  function docker(): Promise<Docker> {
    connection ??= connect(options, patience.connectMs).catch((error: unknown) => {
      connection = undefined;
      throw error;
    });
    return connection;
  }

  return {
    name: 'docker',
    images: dockerImages(docker, options.configFolder ?? (options.home && join(options.home, '.docker'))),
    containers: dockerContainers({ docker, oom, patience, runtime: options.runtime }),
    async info() {
      const client = await docker();
      const signal = AbortSignal.timeout(patience.connectMs);
      const said = await call({ what: 'ask for its state', signal }, (abortSignal) =>
        (client.info as (o: object) => Promise<Record<string, unknown>>)({ abortSignal }),
      );
      const version = expectText(said.ServerVersion, 'ask for its state');
      const cpus = typeof said.NCPU === 'number' && said.NCPU > 0 ? said.NCPU : Number.POSITIVE_INFINITY;
      const memory =
        typeof said.MemTotal === 'number' && said.MemTotal > 0 ? said.MemTotal : Number.POSITIVE_INFINITY;
      const filtered = hasSeccomp(said.SecurityOptions);
      return {
        version: `docker ${version}`,
        isolation: `container${options.runtime === undefined ? '' : ` (${options.runtime})`}, no network, no new privileges, 7 capabilities, ${filtered ? 'seccomp' : 'NO SECCOMP'}`,
        isolated: true,
        ...(filtered ? {} : { warning: NO_SECCOMP }),
        cpus: Math.min(cpus, availableParallelism()),
        freeMemoryBytes: Math.min(memory, freemem()),
      };
    },
    async close() {
      oom.close();
    },
  };
}
