import { basename, join, relative, resolve } from 'node:path';
import { DEFAULT_DEADLINES } from '../container/deadline.js';
import type { Engine, EngineInfo } from '../engine/engine.js';
import type { Benchmark, EvalSpec } from '../model/eval-spec.js';
import type { Instance } from '../model/instance.js';
import type { RunEvent, RunInstance, RunManifest, RunResults } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { readPredictions } from '../patch/read.js';
import { evaluate } from '../run/evaluate.js';
import { readVerdicts } from '../run/folder.js';
import type { Job, Question } from '../run-instance.js';
import { messageOf } from '../util/words.js';
import { connectForInstances } from './connect.js';
import { contextFor, deadlinesOf } from './context.js';
import { readDurations, rememberDurations } from './durations.js';
import { usage } from './exit.js';
import { checkCount, type EngineFlags, parseBytes, parseRate, parseSeconds } from './flags.js';
import type { Host } from './host.js';
import { neededImages } from './images-resolve.js';
import { loadInstances, makeJobs, specsOf } from './inputs.js';
import { listenForInterrupt } from './interrupt.js';
import { createProgress } from './progress.js';
import { benchmarkFor, isBundled, profileNamed } from './registry.js';
import type { EvalArgs } from './run-flags.js';
import { version } from './version.js';

/** Flags that make two runs the same run; a resumed run must repeat them. */
const DEFINING = [
  ...[
    'dataset',
    'revision',
    'split',
    'predictions',
    'gold',
    'empty',
    'model',
    'ignore-unknown',
    'epochs',
    'profile',
    'strict',
    'reinstall',
  ],
  ...['engine', 'runtime', 'network', 'memory', 'disk', 'cpus', 'pids', 'timeout'],
  ...['id', 'id-file', 'filter', 'repo', 'since', 'until', 'month', 'shuffle', 'slice', 'limit', 'shard'],
] as const;

/** What a run is to do, before any engine is asked. */
export interface Plan {
  readonly folder: string;
  readonly manifest: RunManifest;
  /** Of all shards. */
  readonly instances: readonly RunInstance[];
  /** Of this shard. */
  readonly jobs: readonly Job[];
  readonly engineName: 'docker' | 'local';
  /** The patches are ours or the dataset's own, not a stranger's. */
  readonly trusted: boolean;
  readonly notesOn?: (question: Question) => readonly string[];
}

/**
 * Reads dataset and predictions and checks that they fit. The sources are one file, or `gold` and `empty`: with both, each epoch has an
 * attempt of either.
 */
export async function prepare(args: EvalArgs, sources: readonly string[], host: Host): Promise<Plan> {
  checkFlags(args);
  const dataset = await loadInstances(args, host);
  // Of all shards, so that what the shards have in common doesn't hang on which instances fall into one.
  const { ofAllShards } = dataset;
  const first = ofAllShards[0];
  if (first === undefined) throw usage('no instance is left after the selection flags');
  const reads = await Promise.all(
    sources.map((source) =>
      readPredictions({
        source,
        cwd: host.cwd,
        instances: dataset.all,
        model: args.model,
        ignoreUnknown: args['ignore-unknown'] === true,
      }),
    ),
  );
  for (const warning of reads.flatMap(({ warnings }) => warnings)) host.err(`warning: ${warning}`);
  const predictions = reads.flatMap((read, index) =>
    read.predictions.map((prediction) => ({ ...prediction, attempt: prediction.attempt + index })),
  );
  const benchmark = benchmarkFor(first);
  const profile = profileNamed(args.profile ?? benchmark.defaultProfile);
  const epochs = args.epochs ?? 1;
  for (const instance of ofAllShards) {
    const { profiles } = benchmarkFor(instance);
    if (!profiles.includes(profile.name))
      throw usage(
        `profile ${profile.name} does not fit the row of ${instance.instanceId}; choose ${profiles.join(' or ')}, one kind of rows a run`,
      );
  }
  const specs = specsOf(ofAllShards);
  // Names the parsers that are missing before anything runs.
  for (const spec of specs.values()) profile.grade('', spec);
  const jobs = makeJobs({ specs, predictions, profile, epochs });
  const own = new Set(dataset.instances.map(({ instanceId }) => instanceId));
  if (jobs.length === 0) throw usage('no prediction is for a chosen instance');
  const engineName = engineFor(args, benchmark);
  const models = new Set(reads.map((read) => read.predictions[0]?.model ?? 'None'));
  const model = [...models].join(' and ');
  const trusted = sources.every((source) => source === 'gold' || source === 'empty');
  const label = sources.length > 1 ? 'validate' : trusted ? sources[0] : model;
  const runId = args['run-id'] ?? fileName(`${basename(args.dataset).replace(/\..*$/, '')}.${label}`);
  const part = args.shard === undefined ? '' : `.${args.shard.replace('/', '-of-')}`;
  const folder = resolve(host.cwd, args.output ?? join('runs', `${runId}${part}`));
  const settings = {
    dataset: dataset.name,
    datasetRevision: dataset.revision,
    datasetSha256: dataset.sha256,
    options: definingOptions(args),
    predictions: sources.join(' and '),
    predictionsSha256: reads.map((read) => read.sha256).join(' '),
    model,
    profile: profile.name,
    graderVersion: profile.graderVersion,
    engine: engineName,
    epochs,
    timeoutSeconds: parseSeconds(args.timeout ?? DEFAULT_DEADLINES.test, 'timeout'),
  };
  return {
    folder,
    manifest: {
      schemaVersion: 1,
      runId,
      assayVersion: version(),
      createdAt: host.clock.iso(),
      settings,
      machine: {},
    },
    instances: runInstances(ofAllShards, specs, jobs),
    jobs: jobs.filter(({ spec }) => own.has(spec.instanceId)),
    engineName,
    trusted: trusted || sources.every((source) => isBundled(resolve(host.cwd, source))),
  };
}

/** Evaluates what the plan says, with progress and Ctrl-C, and returns the whole run. */
export async function execute(
  plan: Plan,
  args: EvalArgs,
  host: Host,
  again?: (verdict: Verdict) => boolean,
): Promise<RunResults> {
  const interrupt = listenForInterrupt(host);
  const progress = createProgress(progressKind(args, host), host);
  const needed = neededImages(plan.jobs, await doneBefore(plan, again));
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

/** Before anything is read. yargs makes NaN of what is no number. */
function checkFlags(args: EvalArgs): void {
  checkCount(args.epochs, 'epochs', 1);
  checkCount(args.workers, 'workers', 1);
  checkCount(args.retries, 'retries', 0);
  checkCount(args['max-failures'], 'max-failures', 1);
  checkCount(args.pids, 'pids', 1);
  parseRate(args.rate ?? '0');
  if (args['max-disk'] !== undefined) parseBytes(args['max-disk'], 'max-disk');
  const { cpus, 'fail-under': share, 'run-id': runId } = args;
  if (runId !== undefined && /[/\\]|^\.{0,2}$/.test(runId))
    throw usage(`--run-id ${runId}: expected a name; --output takes a path`);
  if (cpus !== undefined && !(cpus > 0 && cpus < Number.POSITIVE_INFINITY))
    throw usage(`--cpus ${cpus}: expected a number above 0`);
  if (args.queue !== undefined && args.reinstall === 'auto')
    throw usage('--reinstall auto is not for --queue: its workers run scripts whole');
  if (share !== undefined && !(share >= 0 && share <= 1))
    throw usage(`--fail-under ${share}: expected a share from 0 to 1, e.g. 0.4`);
}

function definingOptions(args: EvalArgs): Record<string, unknown> {
  const entries = DEFINING.map((name) => [name, (args as Record<string, unknown>)[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== false));
}

/** The engine by the flags, or the one that suits the benchmark. */
export function engineFor({ engine }: Partial<EngineFlags>, { name }: Benchmark): 'docker' | 'local' {
  return engine ?? (name === 'sample' ? 'local' : 'docker');
}

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

function fileName(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '__');
}

function runInstances(
  instances: readonly Instance[],
  specs: ReadonlyMap<string, EvalSpec>,
  jobs: readonly Job[],
): RunInstance[] {
  const attempts = new Map<string, number>();
  for (const { spec } of jobs) attempts.set(spec.instanceId, (attempts.get(spec.instanceId) ?? 0) + 1);
  return instances.map(({ instanceId, repo, difficulty, createdAt, rowHash, failToPass, passToPass }) => {
    const { logParser, evalType } = specs.get(instanceId) as EvalSpec;
    return {
      ...{ instanceId, repo, difficulty, createdAt, failToPass, passToPass, rowHash, logParser, evalType },
      attempts: attempts.get(instanceId) ?? 0,
    };
  });
}
