import { hostname } from 'node:os';
import { judgeImages } from '../doctor/dataset.js';
import * as judge from '../doctor/engine.js';
import { type Check, type Finding, skip } from '../doctor/finding.js';
import { judgeRegistry, type Skew } from '../doctor/network.js';
import { judgeImageDisk } from '../doctor/resources.js';
import { dockerEngine } from '../engine/docker/index.js';
import { type DockerState, dockerState, type EngineFailure } from '../engine/docker/state.js';
import type { Engine, SandboxLimits } from '../engine/engine.js';
import { LABEL } from '../image/labels.js';
import { messageOf } from '../util/words.js';
import { limitsOf } from './context.js';
import { countImages, type Wish } from './doctor-dataset.js';
import { type Capacity, freeBytes } from './doctor-machine.js';
import { askRegistry, isProxied } from './doctor-network.js';
import { isOrphan, orphanLabels } from './engines.js';
import type { Host } from './host.js';

/** How long the engine may take for each answer, in milliseconds. */
const ANSWER_MS = 4000;

/** A Docker engine, asked once for all checks. */
export interface DockerLook {
  readonly engine: Engine;
  readonly state: Promise<DockerState | { readonly failures: readonly EngineFailure[] }>;
  readonly skew: Promise<readonly Skew[]>;
}

/** Asks the engine at its usual address, or at DOCKER_HOST, what it is. */
export function lookAtDocker({ env, home, clock }: Host): DockerLook {
  const address = { host: env['DOCKER_HOST'], home, runtimeDir: env['XDG_RUNTIME_DIR'] };
  const patience = { connectMs: ANSWER_MS, removeMs: ANSWER_MS, createGraceMs: ANSWER_MS };
  const state = dockerState(address, ANSWER_MS);
  return {
    engine: dockerEngine({ ...address, patience }),
    state,
    skew: state.then((found) => {
      if ('failures' in found || found.time === 0) return [];
      return [{ whose: 'the engine', ms: found.time - Date.parse(clock.iso()) }];
    }),
  };
}

/** What is to be known of a Docker engine for a wish. */
export function dockerChecks(
  {
    docker: { engine, state },
    capacity,
    found,
    dataset,
    offline,
  }: Wish & { readonly docker: DockerLook; readonly capacity: Promise<Capacity> },
  host: Host,
): readonly Check[] {
  const specs = 'code' in found ? undefined : found.specs;
  /** A look that needs an engine. */
  const check = (
    name: string,
    look: (state: DockerState, signal: AbortSignal) => Finding | Promise<Finding>,
  ): Check => ({
    name,
    look: async (signal) => {
      const answered = await state;
      return 'failures' in answered ? judge.NO_ENGINE : look(answered, signal);
    },
  });
  const listed = state.then((answered) =>
    'failures' in answered ? undefined : engine.images.list({}).catch(() => undefined),
  );
  const counted = listed.then((images) =>
    images === undefined || specs === undefined
      ? undefined
      : countImages(specs, new Set(images.map(({ ref }) => ref))),
  );
  const missing = async () => {
    const counts = await counted;
    return counts === undefined ? undefined : counts.total - counts.present;
  };
  return [
    {
      name: 'engine',
      look: async () => {
        const answered = await state;
        return 'failures' in answered
          ? judge.judgeFailures(answered.failures, (host.env['DOCKER_HOST'] ?? '') !== '')
          : judge.judgeVersion(answered);
      },
    },
    check('platform', judge.judgePlatform),
    check('storage', judge.judgeStorage),
    check('limits', judge.judgeLimits),
    check('seccomp', judge.judgeSeccomp),
    check('trial', async (_, signal) => {
      const { cpus, workers } = await capacity;
      const ours = (await listed)?.find(
        ({ ref, labels }) => labels[LABEL.kind] !== undefined || ref === 'assay-base:latest',
      );
      const image = (await counted)?.first ?? ours?.ref;
      return trial(engine, { image, limits: limitsOf({}, cpus, workers), host, signal });
    }),
    check('leftovers', async () => judge.judgeLeftovers(await leftoversOf(engine), 'docker')),
    check('images', async () => {
      const counts = await counted;
      return counts === undefined
        ? skip('the dataset is not here, or the engine lists no images')
        : judgeImages(counts, { dataset, offline });
    }),
    check('image disk', async ({ rootDir, machine }) => {
      // A folder of that name may be here, too, when the engine is elsewhere or in a virtual machine.
      const free = machine === hostname() ? await freeBytes(rootDir) : undefined;
      return judgeImageDisk({ folder: rootDir, freeBytes: free, missing: await missing() });
    }),
    check('registry', async ({ mirrors }, signal) => {
      if (offline) return skip('not asked: --offline');
      const answer = await askRegistry(mirrors[0], { host, signal });
      return judgeRegistry({ ...answer, missing: await missing(), proxied: isProxied(host) });
    }),
  ];
}

/** How many containers of processes that live no more there are; none is removed. */
export async function leftoversOf({ containers }: Engine): Promise<number> {
  let count = 0;
  await containers.reap({ 'assay.host': hostname() }, (labels) => {
    if (isOrphan(labels)) count++;
    return false;
  });
  return count;
}

/** Route table and memory bound as a container sees them, with cgroup version 2 or 1. */
const LOOK =
  'cat /proc/net/route; echo; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true';

/** Starts a container as an attempt does, looks around in it, and removes it. */
async function trial(
  engine: Engine,
  options: {
    readonly image: string | undefined;
    readonly limits: SandboxLimits;
    readonly host: Host;
    readonly signal: AbortSignal;
  },
): Promise<Finding> {
  const { image, limits, host, signal } = options;
  if (image === undefined) return skip('no image is here to start a container of');
  const spec = { image, name: `assay.doctor.${host.self.pid}`, labels: orphanLabels('doctor', host), limits };
  try {
    const container = await engine.containers.start(spec, signal);
    try {
      let text = '';
      const { exitCode } = await container.exec({
        argv: ['/bin/sh', '-c', LOOK],
        signal,
        onOutput: (chunk) => {
          text += Buffer.from(chunk).toString();
        },
      });
      if (exitCode !== 0) return judge.judgeTrialError(`a command ends with exit code ${exitCode}: ${text}`);
      const [routes = '', bound = ''] = text.split('\n\n');
      const memory = /^\d+/.exec(bound.trim())?.[0];
      return judge.judgeTrial(
        { image, routes, memoryBytes: memory === undefined ? undefined : Number(memory) },
        limits.memoryBytes,
      );
    } finally {
      await container.destroy();
    }
  } catch (error) {
    signal.throwIfAborted();
    return judge.judgeTrialError(messageOf(error));
  }
}
