import { join, relative } from 'node:path';
import { isFault } from '../../plugins/agent/episodes.js';
import type { RolloutEvent } from '../../plugins/agent/rollouts.js';
import { type Scaffold, scaffolds } from '../../plugins/agent/scaffold/index.js';
import type { Instance } from '../model/instance.js';
import { toPrediction } from '../patch/read.js';
import { defaultWorkers } from '../run/schedule.js';
import { writeAtomic } from '../util/files.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { JSON_EVENTS } from './eval.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { neededImages } from './images-resolve.js';
import { loadInstances } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { assertImagesHere } from './offline.js';
import { DEFINING, definingOptions, type Plan, planOf } from './plan.js';
import { finishReport, knownTroubles } from './results.js';
import { ROLLOUT_DEFINING } from './rollout-flags.js';
import { rolloutProgress } from './rollout-progress.js';
import { type EpisodeOutcome, type RolloutRun, rollOut } from './rollout-run.js';
import { checkRollout, limitsOf, type ModelArgs, policyOf } from './rollout-settings.js';

/** What `--json` prints of episodes. */
const JSON_EPISODES: ReadonlySet<RolloutEvent['type']> = new Set(['episode_start', 'episode_end']);

/** `assay rollout`: instances to trajectories and predictions, and with --eval to verdicts and a report. */
export async function rolloutCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as ModelArgs;
  checkRollout(args);
  const dataset = await loadInstances(args, host);
  const { model, samples = 1 } = args;
  const predictions = dataset.ofAllShards.flatMap(({ instanceId }) =>
    Array.from({ length: samples }, (_, index) =>
      toPrediction({ instanceId, model, attempt: index + 1, patch: null }),
    ),
  );
  const plan = planOf({ ...args, epochs: 1 }, host, {
    ...{ dataset, predictions, model, label: model, source: 'rollout', sha256: '', trusted: false },
    options: definingOptions(args, [...DEFINING, ...ROLLOUT_DEFINING]),
  });
  const instances = new Map(dataset.all.map((instance) => [instance.instanceId, instance]));
  const { results, faults } = await roll(
    { ...plan, notesOn: await knownTroubles(plan.manifest, host) },
    instances,
    args,
    host,
  );
  if (args.eval !== true) return faults > 0 ? EXIT.infraLeft : EXIT.done;
  const summary = await finishReport(results, plan.folder, args.json === true, host);
  if (summary.outcomes.infra_error > 0) return EXIT.infraLeft;
  return (summary.passAt1.rate ?? 0) < (args['fail-under'] ?? 0) ? EXIT.belowThreshold : EXIT.done;
}

async function roll(plan: Plan, instances: ReadonlyMap<string, Instance>, args: ModelArgs, host: Host) {
  const { folder, jobs } = plan;
  const interrupt = listenForInterrupt(host);
  const progress = rolloutProgress(args, jobs.length, host);
  const connected = await connectForInstances(args, {
    engineName: plan.engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog: progress.warn,
    signal: interrupt.kill,
    needed: neededImages(jobs, []),
  });
  const { engine } = connected;
  try {
    await assertImagesHere(jobs, { engine, offline: args.offline, host, signal: interrupt.kill });
    const { context, workers } = await contextFor(args, {
      ...{ connected, host, trusted: false },
      runId: plan.manifest.runId,
    });
    const { engineInfo } = context;
    host.err(
      `${jobs.length} episodes, ${workers} at once, ${engine.name} (${engineInfo.isolation}) -> ${relative(host.cwd, folder)}`,
    );
    const run: RolloutRun = {
      ...{ plan, instances, engine, interrupt, host },
      context: { ...context, notesOn: plan.notesOn },
      policy: () => policyOf(args, progress.warn, host),
      scaffold: scaffolds[args.scaffold ?? 'tools'] as Scaffold,
      settings: {
        model: args.model,
        demonstration: args.demonstration === true,
        purpose: args.training === true ? 'training' : 'eval',
        limits: limitsOf(args),
      },
      sandboxes: workers,
      modelCalls: args['model-calls'] ?? workers,
      gradings: args.gradings ?? defaultWorkers(engineInfo.cpus, engineInfo.freeMemoryBytes),
      ...(args.eval === true
        ? { grade: { strict: args.strict === true, stopGroup: args['stop-group'] } }
        : {}),
      retries: args.retries ?? 2,
      onEvent(event) {
        progress.onEvent(event);
        if (args.json === true && JSON_EPISODES.has(event.type)) host.out(JSON.stringify(event));
      },
      onRunEvent(event) {
        progress.onRunEvent(event);
        if (args.json === true && JSON_EVENTS.has(event.type)) host.out(JSON.stringify(event));
      },
      onWarning: progress.warn,
    };
    return await rollOut(run, (outcomes) => writePredictions(outcomes, folder));
  } finally {
    progress.stop();
    interrupt.release();
    await engine.close();
  }
}

/** What episodes came to, as other harnesses take it; those that failed for the machine's fault are left out. */
async function writePredictions(outcomes: readonly EpisodeOutcome[], folder: string): Promise<void> {
  const lines = outcomes.flatMap(({ job: { spec, prediction }, result }) => {
    if (result === undefined || isFault(result) || result.end === 'stopped_early') return [];
    const line = {
      instance_id: spec.instanceId,
      model_name_or_path: prediction.model,
      model_patch: result.patch ?? '',
    };
    return [`${JSON.stringify(line)}\n`];
  });
  await writeAtomic(join(folder, 'predictions.jsonl'), lines);
}
