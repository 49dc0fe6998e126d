import { join, relative } from 'node:path';
import { episodeIdOf, isFault } from '../../plugins/agent/episodes.js';
import { type RolloutEvent, startRollouts } from '../../plugins/agent/rollouts.js';
import { type Scaffold, scaffolds } from '../../plugins/agent/scaffold/index.js';
import { openStore, type TrajectoryStore } from '../../plugins/agent/store.js';
import { activationOf } from '../container/activation.js';
import type { Instance } from '../model/instance.js';
import type { RunInstance } from '../model/run.js';
import type { EpisodeResult } from '../model/trajectory.js';
import { toPrediction } from '../patch/read.js';
import { attemptsHere } from '../run/attempts.js';
import { evaluateBy } from '../run/evaluate.js';
import { readVerdicts } from '../run/folder.js';
import { defaultWorkers } from '../run/schedule.js';
import type { Job } from '../run-instance.js';
import { writeAtomic } from '../util/files.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { JSON_EVENTS } from './eval.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import { neededImages } from './images-resolve.js';
import { loadInstances } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { DEFINING, definingOptions, type Plan, planOf } from './plan.js';
import { finishReport, knownTroubles } from './results.js';
import { rolloutAttempts } from './rollout-attempts.js';
import { episodeContainer } from './rollout-container.js';
import { ROLLOUT_DEFINING } from './rollout-flags.js';
import { rolloutProgress } from './rollout-progress.js';
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
  const { clock } = host;
  const { folder, jobs } = plan;
  const interrupt = listenForInterrupt(host);
  const { drain, kill } = interrupt;
  const progress = rolloutProgress(args, jobs.length, host);
  const connected = await connectForInstances(args, {
    engineName: plan.engineName,
    host,
    pullSeconds: deadlinesOf(args).pull,
    onLog: progress.warn,
    signal: kill,
    needed: neededImages(jobs, []),
  });
  const { engine } = connected;
  let opened: Promise<TrajectoryStore> | undefined;
  const trajectories = () => {
    opened ??= openStore(join(folder, 'trajectories'));
    return opened;
  };
  let faults = 0;
  try {
    const { context, workers } = await contextFor(args, {
      ...{ connected, host, trusted: false },
      runId: plan.manifest.runId,
    });
    const { engineInfo } = context;
    const gradings = args.gradings ?? defaultWorkers(engineInfo.cpus, engineInfo.freeMemoryBytes);
    host.err(
      `${jobs.length} episodes, ${workers} at once, ${engine.name} (${engineInfo.isolation}) -> ${relative(host.cwd, folder)}`,
    );
    const shared = {
      context: { ...context, notesOn: plan.notesOn },
      strict: args.strict === true,
      retries: args.retries ?? 2,
      onWarning: progress.warn,
      kill,
    };
    const onEvent = (event: RolloutEvent) => {
      progress.onEvent(event);
      if (args.json === true && JSON_EPISODES.has(event.type)) host.out(JSON.stringify(event));
    };
    const attempts = rolloutAttempts({
      async open() {
        return startRollouts({
          store: await trajectories(),
          ...{ engine, clock, onEvent, onWarning: progress.warn, drain, signal: kill },
          policy: policyOf(args, progress.warn, host),
          scaffold: scaffolds[args.scaffold ?? 'tools'] as Scaffold,
          settings: {
            model: args.model,
            demonstration: args.demonstration === true,
            purpose: args.training === true ? 'training' : 'eval',
            limits: limitsOf(args),
          },
          sandboxes: workers,
          modelCalls: args['model-calls'] ?? workers,
          retries: shared.retries,
        });
      },
      async close() {
        const store = await trajectories();
        const results = jobs.map((job) => ({ job, result: store.known().get(episodeOf(job))?.result }));
        faults = results.filter(({ result }) => result !== undefined && isFault(result)).length;
        await writePredictions(results, folder);
        await store.close();
      },
      taskOf: ({ spec, prediction }: Job) => ({
        instance: instances.get(spec.instanceId) as Instance,
        sample: prediction.attempt,
        workdir: spec.workdir,
        activation: activationOf(spec),
        container: (signal) => episodeContainer({ spec, sample: prediction.attempt, context, signal }),
      }),
      ...(args.eval === true ? { grader: attemptsHere(shared) } : {}),
      ...{ gradings, stopGroup: args['stop-group'], engine: engine.name, clock },
      isolation: engineInfo.isolation,
      before: await readVerdicts(folder),
    });
    const results = await evaluateBy({
      ...{ folder, manifest: plan.manifest, jobs, attempts, clock, drain, kill },
      instances: args['stop-group'] === undefined ? plan.instances : plan.instances.map(withoutAttempts),
      owner: host.self,
      again: ({ outcome }) => outcome === 'infra_error',
      // All wait in the queues of the rollouts.
      workers: jobs.length,
      durations: new Map(),
      onEvent(event) {
        progress.onRunEvent(event);
        if (args.json === true && JSON_EVENTS.has(event.type)) host.out(JSON.stringify(event));
      },
      onWarning: progress.warn,
    });
    return { results, faults };
  } finally {
    progress.stop();
    interrupt.release();
    await engine.close();
  }
}

/** How many attempts there will be is not known beforehand. */
function withoutAttempts({ attempts: _planned, ...instance }: RunInstance): RunInstance {
  return instance;
}

interface EpisodeOutcome {
  readonly job: Job;
  /** Absent: it has not ended. */
  readonly result: EpisodeResult | undefined;
}

function episodeOf({ spec, prediction }: Job): string {
  return episodeIdOf(spec.instanceId, prediction.attempt);
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
