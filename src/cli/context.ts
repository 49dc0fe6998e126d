import { hostname } from 'node:os';
import { DEFAULT_DEADLINES, type Deadlines } from '../container/deadline.js';
import type { Engine, SandboxLimits } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { defaultWorkers } from '../run/schedule.js';
import type { RunInstanceContext } from '../run-instance.js';
import { type Connected, isOrphan, orphanLabels } from './engines.js';
import { type EngineFlags, parseBytes, parseSeconds } from './flags.js';
import type { Host } from './host.js';
import { reinstallFor } from './reinstall.js';
import type { EvalArgs } from './run-flags.js';

interface ContextOptions {
  readonly connected: Connected;
  readonly host: Host;
  /** Names the run in the labels of containers. */
  readonly runId: string;
  /** The patches are ours or the dataset's own: they need no isolation. */
  readonly trusted: boolean;
}

/** What judging takes from this machine, as the flags want it; containers that ended processes have left are removed. */
export async function contextFor(
  args: Partial<EvalArgs>,
  { connected: { engine, resolveImage }, host, runId, trusted }: ContextOptions,
): Promise<{
  readonly context: Omit<RunInstanceContext, 'log' | 'strictLog' | 'onPhase' | 'signal' | 'discard'>;
  /** Attempts at once. */
  readonly workers: number;
}> {
  const engineInfo = await engine.info();
  if (!engineInfo.isolated && !trusted && args['allow-unisolated'] !== true)
    throw new AssayError(
      'unisolated',
      `the ${engine.name} engine runs patches with ${engineInfo.isolation} only`,
    );
  if (engineInfo.warning !== undefined) host.err(`warning: ${engineInfo.warning}`);
  const orphans = await reapOrphans(engine);
  if (orphans > 0) host.err(`removed ${orphans} containers of runs that had crashed`);
  const workers = args.workers ?? defaultWorkers(engineInfo.cpus, engineInfo.freeMemoryBytes);
  return {
    workers,
    context: {
      ...{ engine, engineInfo, resolveImage, clock: host.clock },
      deadlines: deadlinesOf(args),
      limits: limitsOf(args, engineInfo.cpus, workers),
      labels: orphanLabels(runId, host),
      mayUseNetwork: args.network !== 'off',
      ...reinstallFor(args.reinstall ?? 'always', engine.name, host),
    },
  };
}

/** Removes the containers of processes of this host that live no more; returns how many they were. */
export async function reapOrphans({ containers }: Pick<Engine, 'containers'>): Promise<number> {
  return (await containers.reap({ 'assay.host': hostname() }, isOrphan)).length;
}

/** The time of each phase that the flags ask for. */
export function deadlinesOf(args: Partial<EvalArgs>): Deadlines {
  const read = (name: 'pull' | 'start' | 'apply') => {
    const given = args[`timeout-${name}`];
    return given === undefined ? DEFAULT_DEADLINES[name] : parseSeconds(given, `timeout-${name}`);
  };
  return {
    ...DEFAULT_DEADLINES,
    pull: read('pull'),
    start: read('start'),
    apply: read('apply'),
    test: args.timeout === undefined ? DEFAULT_DEADLINES.test : parseSeconds(args.timeout, 'timeout'),
  };
}

/** The sandbox that the flags ask for. */
export function limitsOf(args: Partial<EngineFlags>, engineCpus: number, workers: number): SandboxLimits {
  return {
    memoryBytes: parseBytes(args.memory ?? '4g', 'memory'),
    diskBytes: parseBytes(args.disk ?? '10g', 'disk'),
    cpus: args.cpus ?? Math.max(1, engineCpus / workers),
    pids: args.pids ?? 4096,
    network: args.network === 'on',
    capAdd: [],
  };
}
