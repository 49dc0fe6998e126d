import { relative } from 'node:path';
import type { Engine, EngineInfo } from '../engine/engine.js';
import type { RunEvent, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { evaluate } from '../run/evaluate.js';
import { readVerdicts } from '../run/folder.js';
import { attemptKey } from '../run/ledger.js';
import { messageOf } from '../util/words.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { readDurations, rememberDurations } from './durations.js';
import type { Host } from './host.js';
import { neededImages } from './images-resolve.js';
import { listenForInterrupt } from './interrupt.js';
import { assertImagesHere } from './offline.js';
import type { Plan } from './plan.js';
import { createProgress } from './progress.js';
import type { EvalArgs } from './run-flags.js';

/** Evaluates what the plan says, with progress and Ctrl-C, and returns the whole run. */
export async function execute(
  plan: Plan,
  args: EvalArgs,
  host: Host,
  again?: (verdict: Verdict) => boolean,
): Promise<RunResults> {
  const interrupt = listenForInterrupt(host);
  const progress = createProgress(progressKind(args, host), host);
  const done = await doneBefore(plan, again);
  const needed = neededImages(plan.jobs, done);
  const onLog = progress.warn;
  const connected = await connectForInstances(args, {
    engineName: plan.engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog,
    signal: interrupt.kill,
    needed,
  });
  try {
    const keys = new Set(done.map(attemptKey));
    const open = plan.jobs.filter(({ prediction }) => !keys.has(attemptKey(prediction)));
    await assertImagesHere(open, {
      engine: connected.engine,
      offline: args.offline,
      host,
      signal: interrupt.kill,
    });
    const { context, workers } = await contextFor(args, {
      ...{ connected, host, trusted: plan.trusted },
      runId: plan.manifest.runId,
    });
    const { engine, engineInfo } = context;
    const durations = await readDurations(host.cacheDir);
    if (args.quiet !== true)
      host.err(
        `${plan.jobs.length} attempts, -j ${workers}, ${engine.name} (${engineInfo.isolation}), profile ${plan.manifest.settings.profile} -> ${relative(host.cwd, plan.folder)}`,
      );
    const results = await evaluate({
      folder: plan.folder,
      manifest: { ...plan.manifest, machine: machineFacts(engine, engineInfo, workers) },
      instances: plan.instances,
      jobs: plan.jobs,
      context: { ...context, ...(plan.notesOn === undefined ? {} : { notesOn: plan.notesOn }) },
      strict: args.strict === true,
      owner: host.self,
      again,
      workers,
      retries: args.retries ?? 2,
      maxFailures: args['max-failures'],
      durations,
      onEvent(event) {
        progress.onEvent(event);
        if (event.type === 'verdict') needed.finish(event.verdict);
        if (args.json === true && JSON_EVENTS.has(event.type)) host.out(JSON.stringify(event));
      },
      onWarning: progress.warn,
      drain: interrupt.drain,
      kill: interrupt.kill,
    });
    await rememberDurations(host.cacheDir, durations, results.verdicts).catch((error: unknown) =>
      host.err(`warning: durations are not kept for the next run: ${messageOf(error)}`),
    );
    return results;
  } finally {
    progress.stop();
    interrupt.release();
    await connected.engine.close();
  }
}

/** Verdicts that the run folder has and that are not to be found anew. */
async function doneBefore(plan: Plan, again?: (verdict: Verdict) => boolean): Promise<readonly Verdict[]> {
  return (await readVerdicts(plan.folder)).filter((verdict) => again?.(verdict) !== true);
}

/** `--json` prints a start record, one per finished attempt, and an end record. A run that crashed has no end. */
export const JSON_EVENTS: ReadonlySet<RunEvent['type']> = new Set(['run_start', 'verdict', 'run_end']);

export function progressKind(args: EvalArgs, host: Host): 'bars' | 'plain' | 'none' {
  if (args.quiet === true) return 'none';
  if (args.progress === 'bars' || args.progress === 'plain' || args.progress === 'none') return args.progress;
  return host.isTerminal ? 'bars' : 'plain';
}

function machineFacts(engine: Engine, info: EngineInfo, workers: number): Record<string, unknown> {
  return {
    engine: info.version,
    isolation: info.isolation,
    cpus: info.cpus,
    freeMemoryBytes: info.freeMemoryBytes,
    workers,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    name: engine.name,
  };
}
