import type { Engine, EngineInfo } from '../engine/engine.js';
import { type Begin, type Grader, localGrader } from '../run/grader.js';
import { connectForInstances, type InstanceImageFlags } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import type { Host } from './host.js';
import type { EvalArgs } from './run-flags.js';

interface GradeHereOptions {
  readonly host: Host;
  readonly engineName: 'docker' | 'local';
  /** Names the command in the labels of containers. */
  readonly runId: string;
  readonly begin: Begin;
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
}

/** How long a container waits for a patch of its announced instance. */
const WARM_MS = 10 * 60_000;

/** A grader on this machine's engine, as the flags want it. */
export async function gradeHere(
  args: Partial<EvalArgs> & InstanceImageFlags,
  { host, engineName, runId, begin, retries, warm, kill }: GradeHereOptions,
): Promise<GradedHere> {
  const connected = await connectForInstances(args, {
    engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog: host.err,
    signal: kill,
  });
  const { engine } = connected;
  try {
    const { context, workers } = await contextFor(args, { connected, host, runId, trusted: false });
    const grader = localGrader({
      context,
      begin,
      retries,
      warm: { containers: warm ?? workers, milliseconds: WARM_MS },
      onWarning: host.err,
    });
    return { grader, engine, info: context.engineInfo, workers };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
