import type { DockerState, EngineFailure, Unreachable } from '../engine/docker/state.js';
import { type Finding, fail, ok, skip, warn } from './finding.js';

/** Docker 20.10, the oldest that assay is tested with. */
const LEAST_API = '1.41';

const FORWARD =
  'assay uses no client certificates: forward the socket instead (`ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST`) and set DOCKER_HOST=unix:///tmp/docker.sock.';
const START =
  'Start Docker: `sudo systemctl start docker`, or Docker Desktop; to install it: https://docs.docker.com/engine/install.';

const FIXES: Readonly<Record<Unreachable, string>> = {
  bad_address: 'Set DOCKER_HOST to unix:///path/of/docker.sock or tcp://host:port, or unset it.',
  no_socket: `${START} If \`docker ps\` works, its context names another socket: \`export DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')\`.`,
  no_permission:
    "Join the socket's group, `sudo usermod -aG docker $USER`, then log in again (or `newgrp docker`); that group is as good as root.",
  refused: START,
  unknown_host: 'Correct the host in DOCKER_HOST, or unset it for the engine of this machine.',
  silent:
    'The engine is stuck, or a firewall swallows what is sent: `docker ps` hangs too? Then `sudo systemctl restart docker`, or restart Docker Desktop.',
  tls: FORWARD,
  not_docker: "Something else listens there: correct DOCKER_HOST, or unset it for the engine's usual socket.",
  other: `See what \`docker version\` says. ${START}`,
};

/** Why no engine answers: the most telling of the addresses tried, and its fix. `given`: DOCKER_HOST names the one address. */
export function judgeFailures(failures: readonly EngineFailure[], given: boolean): Finding {
  const worst = failures.find(({ reason }) => reason !== 'no_socket') ?? failures[0];
  if (worst === undefined) return fail('no address of an engine is known', FIXES.bad_address);
  const { reason, address, words } = worst;
  const where = `${given ? 'DOCKER_HOST=' : ''}${address}`;
  const unset = given && (reason === 'no_socket' || reason === 'refused');
  const fix = `${unset ? 'Correct DOCKER_HOST, or unset it for the usual socket. ' : ''}${FIXES[reason]}`;
  return fail(`no engine: ${where}: ${words}`, fix);
}

/** Whether the engine speaks what assay asks it. */
export function judgeVersion({ version, apiVersion, address, product }: DockerState): Finding {
  const found = `docker ${version}, API ${apiVersion}, at ${address}${product === '' ? '' : ` (${product})`}`;
  return isOlder(apiVersion, LEAST_API)
    ? fail(`${found}: too old`, `Update Docker to 20.10 or newer (API ${LEAST_API}).`)
    : ok(found);
}

/** Whether published images run as they are. */
export function judgePlatform({ os, architecture }: DockerState): Finding {
  const found = `${os}/${architecture}`;
  if (os !== 'linux')
    return fail(found, 'Switch Docker Desktop to Linux containers: tests run in Linux images only.');
  if (architecture === 'amd64') return ok(found);
  return fail(
    `${found}: published images are linux/amd64, and run under emulation or not at all`,
    'Use an x86-64 machine (DOCKER_HOST may name one). With emulation (`docker run --privileged --rm tonistiigi/binfmt --install amd64`) tests take many times as long and time out: see with `assay validate` which instances can be trusted. `assay images build` makes images of this architecture.',
  );
}

/** Whether layers are shared on the disk. */
export function judgeStorage({ storageDriver }: DockerState): Finding {
  if (storageDriver === 'vfs')
    return fail(
      'vfs: each layer is a whole copy, so images take many times their size',
      'Set "storage-driver": "overlay2" in /etc/docker/daemon.json and restart Docker (in a container: a volume of ext4 or xfs for /var/lib/docker).',
    );
  if (storageDriver === 'devicemapper' || storageDriver === 'aufs')
    return warn(
      `${storageDriver}: slow, and gone from newer engines`,
      'Set "storage-driver": "overlay2" in /etc/docker/daemon.json and restart Docker; images have to be pulled again.',
    );
  return ok(storageDriver);
}

/** Whether the bounds of a container hold. */
export function judgeLimits({ cgroupVersion, missingLimits, rootless }: DockerState): Finding {
  const found = `cgroup v${cgroupVersion}${rootless ? ', rootless' : ''}`;
  if (missingLimits.length === 0) return ok(`${found}: memory, processes and CPU time are bounded`);
  return fail(
    `${found}: ${missingLimits.join(', ')} of containers can't be bounded: one patch may take all of the machine`,
    rootless
      ? 'Delegate the controllers: https://rootlesscontaine.rs/getting-started/common/cgroup2; with cgroup v1 use the engine of root.'
      : 'Boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or with cgroup_enable=memory swapaccount=1.',
  );
}

/** Whether system calls are filtered. */
export function judgeSeccomp({ seccomp }: DockerState): Finding {
  return seccomp
    ? ok('system calls are filtered')
    : warn(
        'containers run without a seccomp profile: patches may make every system call of the kernel',
        'Remove seccomp-profile from /etc/docker/daemon.json and restart Docker, or use --runtime runsc.',
      );
}

/** How a container of ours started, on what image. */
export interface Trial {
  readonly image: string;
  /** What `/proc/net/route` holds inside. */
  readonly routes: string;
  /** Memory bound that the container sees, in bytes; undefined where it doesn't. */
  readonly memoryBytes: number | undefined;
}

/** A container with the bounds of an attempt; `wantedBytes` of memory. */
export function judgeTrial({ image, routes, memoryBytes }: Trial, wantedBytes: number): Finding {
  if (routes.trim().split('\n').length > 1)
    return fail(
      `${image} starts, but its network is not cut`,
      'Look for what gives containers a network (a plugin of the engine, --runtime): answers could be fetched.',
    );
  if (memoryBytes !== undefined && memoryBytes !== wantedBytes)
    return fail(
      `${image} starts, but its memory is not bounded as asked`,
      'See the line `limits`; a runtime of its own (--runtime) may ignore bounds.',
    );
  return ok(`a container of ${image} starts, without network, with bounded memory`);
}

/** Why a container doesn't start, with the fix where the words of the engine tell. */
export function judgeTrialError(words: string): Finding {
  const found = `no container starts: ${words}`;
  if (/exec format error/i.test(words))
    return fail(found, 'The image is of another architecture: see the line `platform`.');
  if (/seccomp|apparmor|selinux|operation not permitted|permission denied/i.test(words))
    return fail(
      found,
      "The machine's security rules forbid it (AppArmor, SELinux, seccomp, an engine inside a container): `docker run --rm --network none --security-opt no-new-privileges IMAGE true` shows the same; `dmesg` and `journalctl -u docker` say which rule.",
    );
  if (/no space left/i.test(words)) return fail(found, 'See the line `image disk`.');
  return fail(found, 'Read the log of the engine: `journalctl -u docker`, or that of Docker Desktop.');
}

/** Containers of runs that ended without removing them. */
export function judgeLeftovers(count: number, engine: 'docker' | 'local'): Finding {
  return count === 0
    ? ok('none')
    : warn(
        `${count} containers of runs that crashed`,
        `Remove them: \`assay gc --engine ${engine}\` (the next run does it, too).`,
      );
}

/** The local engine: what separates a patch from this machine. */
export function judgeIsolation(info: { readonly isolation: string; readonly isolated: boolean }): Finding {
  return info.isolated
    ? ok(info.isolation)
    : warn(
        `${info.isolation}; predictions of strangers are refused`,
        'Install bubblewrap (`sudo apt install bubblewrap`), and allow user namespaces (`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu 24.04); or use --engine docker; docs/local-engine.md.',
      );
}

/** For what can't be seen because no engine answers. */
export const NO_ENGINE: Finding = skip('no engine answers');

/** Compares versions of numbers and dots. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (let i = 0; i < Math.max(a?.length ?? 0, b?.length ?? 0); i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
