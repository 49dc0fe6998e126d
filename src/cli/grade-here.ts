import { hostname } from 'node:os';
import type { Engine, EngineInfo } from '../engine/engine.js';
import { AssayError } from '../errors.js';
import { defaultWorkers } from '../run/schedule.js';
import { type Grader, localGrader } from '../serve/grader.js';
import type { Store } from '../serve/store.js';
import { connectForInstances, type InstanceImageFlags } from './connect.js';
import { isOrphan, orphanLabels } from './engines.js';
import { deadlinesOf, type EvalArgs, limitsOf } from './eval.js';
import type { Host } from './host.js';
import { reinstallFor } from './reinstall.js';

interface GradeHereOptions {
  readonly host: Host;
  readonly engineName: 'docker' | 'local';
  /** Names the command in the labels of containers. */
  readonly runId: string;
  readonly store: Pick<Store, 'begin'>;
  readonly retries: number;
  /** Most containers that wait for announced instances; default: as many as workers. */
  readonly warm?: number;
  readonly kill: AbortSignal;
}

export interface GradedHere {
  readonly grader: Grader;
  readonly engine: Engine;
  readonly info: EngineInfo;
  /** Gradings at once. */
  readonly workers: number;
  /** Removes containers that ended processes of this host have left. */
  reap(): Promise<void>;
}

/** How long a container waits for a patch of its announced instance. */
const WARM_MS = 10 * 60_000;

/** A grader on this machine's engine, as the flags want it. */
export async function gradeHere(
  args: Partial<EvalArgs> & InstanceImageFlags,
  { host, engineName, runId, store, retries, warm, kill }: GradeHereOptions,
): Promise<GradedHere> {
  const { engine, resolveImage } = await connectForInstances(args, {
    engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog: host.err,
    signal: kill,
  });
  try {
    const info = await engine.info();
    if (!info.isolated && args['allow-unisolated'] !== true)
      throw new AssayError(
        'unisolated',
        `the ${engine.name} engine runs patches with ${info.isolation} only`,
      );
    const reap = async () => void (await engine.containers.reap({ 'assay.host': hostname() }, isOrphan));
    await reap();
    const workers = args.workers ?? defaultWorkers(info.cpus, info.freeMemoryBytes);
    const grader = localGrader({
      context: {
        engine,
        engineInfo: info,
        clock: host.clock,
        deadlines: deadlinesOf(args),
        limits: limitsOf(args, info.cpus, workers),
        labels: orphanLabels(runId, host),
        resolveImage,
        mayUseNetwork: args.network !== 'off',
        ...reinstallFor(args.reinstall ?? 'always', engine.name, host),
      },
      store,
      retries,
      warm: { containers: warm ?? workers, milliseconds: WARM_MS },
      onWarning: host.err,
    });
    return { grader, engine, info, workers, reap };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
