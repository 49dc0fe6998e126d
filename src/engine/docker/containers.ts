import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { isDiskFull } from '../../util/disk.js';
import type { Container, ContainerEngine, ContainerSpec } from '../engine.js';
import { putArchive, readArchive } from './archive.js';
import { abortError, call, expectList, expectText, get, statusOf } from './call.js';
import { exec, isRunning } from './exec.js';
import type { OomWatch } from './oom.js';
import { tarball } from './tarball.js';

/** How long we wait for an engine that doesn't answer, in milliseconds. */
export interface Patience {
  /** Each try to remove a container; Docker itself gives a kill 10 s. */
  readonly removeMs: number;
  /** For a container that is being created while the caller gives up: what is made must be known to be removed. */
  readonly createGraceMs: number;
  /** From the end of an exec's output until the engine knows its exit code. */
  readonly exitCodeMs: number;
}

/** What every request about containers needs. */
export interface ContainerContext {
  readonly docker: () => Promise<Docker>;
  readonly oom: OomWatch;
  readonly patience: Patience;
  /** Another runtime than the engine's default, e.g. `runsc`. */
  readonly runtime: string | undefined;
}

/**
 * Capabilities of Docker's default set that no test run has a need for. Left are those of a root user who changes owners and users, and kills. What
 * an instance truly needs is granted by `capAdd`.
 */
const DROPPED = ['NET_RAW', 'MKNOD', 'AUDIT_WRITE', 'SYS_CHROOT', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE'];

/** A larger file than this can't be written: 32 GiB. */
const MAX_FILE_BYTES = 32 * 2 ** 30;

/**
 * Waits until somebody outside ends it, and takes in orphans. No signal from inside ends the first process of a container but one that it takes, SIGKILL neither; Docker's own
 * `--init` ends with its child, and a patch that kills all it can would look like a broken machine.
 */
const FIRST_PROCESS = ['/bin/sh', '-c', "trap '' HUP INT QUIT TERM; while :; do tail -f /dev/null; done"];

/** Marks a container with the one call that made it, so that a failed call can find what it left. */
const START_LABEL = 'assay.start';
const NAME_TRIES = 5;
/** How long an engine may go on making a container when its connection is gone. */
const LATE_CREATE_MS = 500;

function createOptions(
  { image, labels, limits, asRoot }: ContainerSpec,
  name: string,
  start: string,
  runtime: string | undefined,
): Docker.ContainerCreateOptions {
  return {
    name,
    Image: image,
    Entrypoint: [...FIRST_PROCESS],
    Cmd: [],
    StopSignal: 'SIGKILL',
    // Otherwise the image's user: root where it names none, as the official scripts ask for.
    ...(asRoot === true ? { User: '0' } : {}),
    Labels: { ...labels, [START_LABEL]: start },
    HostConfig: {
      ...(runtime === undefined ? {} : { Runtime: runtime }),
      // A set-user-id program gains nothing. The engine's own seccomp profile stays on.
      SecurityOpt: ['no-new-privileges'],
      CapDrop: [...DROPPED],
      CapAdd: [...limits.capAdd],
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.pids,
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: MAX_FILE_BYTES, Hard: MAX_FILE_BYTES },
      ],
      LogConfig: { Type: 'none', Config: {} },
      ...(limits.network ? {} : { NetworkMode: 'none' }),
    },
  };
}

/** Kills and removes a container with its volumes, in one request; one more try with an explicit kill if that fails. */
async function destroy(docker: Docker, id: string, ms: number): Promise<void> {
  const container = docker.getContainer(id);
  const remove = async () => {
    const options = { what: `remove container ${id.slice(0, 12)}`, signal: AbortSignal.timeout(ms) };
    try {
      await call(options, (abortSignal) => container.remove({ force: true, v: true, abortSignal }));
    } catch (error) {
      const status = statusOf(error);
      const inProgress = status === 409 && /already in progress/.test((error as Error).message);
      if (status !== 404 && !inProgress) throw error;
    }
  };
  try {
    await remove();
  } catch {
    const options = { what: `kill container ${id.slice(0, 12)}`, signal: AbortSignal.timeout(ms) };
    await call(options, (abortSignal) => container.kill({ signal: 'SIGKILL', abortSignal })).catch(() => {});
    await remove();
  }
}

/** Creates a container; on a name clash the name gets a number, as the other container may belong to a living run. */
async function create(
  docker: Docker,
  { spec, start, runtime }: { spec: ContainerSpec; start: string; runtime: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const what = `create container from ${spec.image}`;
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? spec.name : `${spec.name}-${attempt}`;
    try {
      const made = await call({ what, signal }, (abortSignal) =>
        docker.createContainer({ ...createOptions(spec, name, start, runtime), abortSignal }),
      );
      return expectText(made.id, what);
    } catch (error) {
      if (statusOf(error) !== 409 || attempt === NAME_TRIES) throw error;
    }
  }
}

/** A signal that follows `signal` after `ms`; `stop` frees it. */
function after(signal: AbortSignal, ms: number): { signal: AbortSignal; stop: () => void } {
  const later = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => later.abort(signal.reason), ms);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: later.signal,
    stop: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** ContainerEngine over a Docker engine. */
export function dockerContainers(context: ContainerContext): ContainerEngine {
  const { docker: connected, oom, patience, runtime } = context;
  /** Removes what a failed start left, as far as the engine still answers; the caller gets the first error. */
  async function sweep(docker: Docker, start: string): Promise<void> {
    const options = { what: 'list containers', signal: AbortSignal.timeout(patience.removeMs) };
    const filters = { label: [`${START_LABEL}=${start}`] };
    const left = await call(options, (abortSignal) =>
      docker.listContainers({ all: true, filters, abortSignal }),
    );
    if (!Array.isArray(left)) return;
    await Promise.all(left.map(({ Id }) => destroy(docker, Id, patience.removeMs)));
  }

  async function start(spec: ContainerSpec, signal: AbortSignal): Promise<Container> {
    const what = `start a container of ${spec.image}`;
    const docker = await call({ what, signal }, () => connected());
    oom.open(docker);
    const nonce = randomUUID();
    const grace = after(signal, patience.createGraceMs);
    let created: string | undefined;
    try {
      const id = await create(docker, { spec, start: nonce, runtime }, grace.signal);
      created = id;
      await call({ what, signal }, (abortSignal) => docker.getContainer(id).start({ abortSignal }));
      return container(docker, id, spec.limits.diskBytes);
    } catch (error) {
      // Without an answer, the engine may still be at it.
      if (created === undefined && statusOf(error) === undefined) await sleep(LATE_CREATE_MS);
      await sweep(docker, nonce).catch(() => {});
      throw signal.aborted ? abortError(signal, what) : error;
    } finally {
      grace.stop();
    }
  }

  function container(docker: Docker, id: string, diskBytes = Number.POSITIVE_INFINITY): Container {
    let destroyed: Promise<void> | undefined;
    let last: Docker.Exec | undefined;
    return {
      id,
      async put(files, signal) {
        const what = `put ${files.length} file(s) into container ${id.slice(0, 12)}`;
        const archive = await tarball(files);
        await call({ what, signal }, (abortSignal) =>
          docker
            .getContainer(id)
            .putArchive(archive, { path: '/', noOverwriteDirNonDir: 'true', abortSignal }),
        );
      },
      putArchive: (tar, signal) => putArchive(docker.getContainer(id), tar, signal),
      read: (path, signal) => readArchive(docker.getContainer(id), path, signal),
      exec(request) {
        last = undefined;
        const onCreate = (created: Docker.Exec) => {
          last = created;
        };
        return exec({ docker, id, request, oom, onCreate, exitCodeMs: patience.exitCodeMs });
      },
      isBusy: async (signal) => last !== undefined && isRunning({ docker, id, command: last, signal }),
      async isOverDisk(signal) {
        const what = `ask what container ${id.slice(0, 12)} has written`;
        const options = { size: true };
        return call({ what, signal }, async (abortSignal) => {
          const said = await get(docker, `/containers/${id}/json?`, { abortSignal, options });
          // Absent where the engine's storage can't tell.
          return ((said as { readonly SizeRw?: number }).SizeRw ?? 0) > diskBytes;
        });
      },
      isDiskFull: async (signal) => {
        // An engine elsewhere has its disk there.
        if ((docker.modem as { readonly socketPath?: string }).socketPath === undefined) return false;
        const what = 'ask for its folder';
        const { DockerRootDir } = await call({ what, signal }, (abortSignal) =>
          (docker.info as (o: object) => Promise<Record<string, unknown>>)({ abortSignal }),
        );
        return isDiskFull(expectText(DockerRootDir, what));
      },
      destroy() {
        destroyed ??= destroy(docker, id, patience.removeMs).then(
          () => oom.forget(id),
          (error: unknown) => {
            destroyed = undefined;
            throw error;
          },
        );
        return destroyed;
      },
    };
  }

  return {
    start,
    async reap(labels, isOrphan) {
      const docker = await connected();
      const options = { what: 'list containers', signal: AbortSignal.timeout(patience.removeMs) };
      const label = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
      const found: unknown = await call(options, (abortSignal) =>
        docker.listContainers({ all: true, filters: { label }, abortSignal }),
      );
      const orphans = (expectList(found, options.what) as Docker.ContainerInfo[]).filter(({ Labels }) =>
        isOrphan(Labels ?? {}),
      );
      await Promise.all(orphans.map(({ Id }) => destroy(docker, Id, patience.removeMs)));
      return orphans.map(({ Id }) => Id);
    },
  };
}
