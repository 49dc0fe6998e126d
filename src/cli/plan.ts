import { basename, join, resolve } from 'node:path';
import { DEFAULT_DEADLINES } from '../container/deadline.js';
import type { Benchmark, EvalSpec, ImageRecipe } from '../model/eval-spec.js';
import type { Instance } from '../model/instance.js';
import type { Prediction } from '../model/prediction.js';
import type { RunInstance, RunManifest } from '../model/run.js';
import { readPredictions } from '../patch/read.js';
import type { Job, Question } from '../run-instance.js';
import { usage } from './exit.js';
import { checkCount, type EngineFlags, parseBytes, parseRate, parseSeconds } from './flags.js';
import type { Host } from './host.js';
import { type LoadedDataset, loadInstances, makeJobs, specsOf } from './inputs.js';
import { benchmarkFor, isBundled, profileNamed } from './registry.js';
import type { EvalArgs } from './run-flags.js';
import { version } from './version.js';

/** Flags that make two runs the same run; a resumed run must repeat them. */
export const DEFINING: readonly string[] = [
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
];

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
  const models = new Set(reads.map((read) => read.predictions[0]?.model ?? 'None'));
  const model = [...models].join(' and ');
  const isOurs = sources.every((source) => source === 'gold' || source === 'empty');
  return planOf(args, host, {
    dataset,
    predictions,
    model,
    label: (sources.length > 1 ? 'validate' : isOurs ? sources[0] : undefined) ?? model,
    source: sources.join(' and '),
    sha256: reads.map((read) => read.sha256).join(' '),
    trusted: isOurs || sources.every((source) => isBundled(resolve(host.cwd, source))),
    options: definingOptions(args, DEFINING),
  });
}

interface Submissions {
  readonly dataset: LoadedDataset;
  readonly predictions: readonly Prediction[];
  readonly model: string;
  /** Names the run, behind the dataset. */
  readonly label: string;
  /** Where the predictions come from, and the sha256 of what is there. */
  readonly source: string;
  readonly sha256: string;
  readonly trusted: boolean;
  /** The flags that define the run, as given. */
  readonly options: Record<string, unknown>;
}

/** The run of predictions, wherever they come from, as the flags want it. */
export function planOf(
  args: EvalArgs,
  host: Host,
  { dataset, predictions, model, label, source, sha256, trusted, options }: Submissions,
): Plan {
  // Of all shards, so that what the shards have in common doesn't hang on which instances fall into one.
  const { ofAllShards } = dataset;
  const first = ofAllShards[0];
  if (first === undefined) throw usage('no instance is left after the selection flags');
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
  if (jobs.length === 0) throw usage('no prediction is for a chosen instance');
  const own = new Set(dataset.instances.map(({ instanceId }) => instanceId));
  const engineName = engineFor(args, benchmark);
  const runId = args['run-id'] ?? fileName(`${basename(args.dataset).replace(/\..*$/, '')}.${label}`);
  const part = args.shard === undefined ? '' : `.${args.shard.replace('/', '-of-')}`;
  return {
    folder: resolve(host.cwd, args.output ?? join('runs', `${runId}${part}`)),
    manifest: {
      schemaVersion: 1,
      runId,
      assayVersion: version(),
      createdAt: host.clock.iso(),
      settings: {
        dataset: dataset.name,
        datasetRevision: dataset.revision,
        datasetSha256: dataset.sha256,
        options,
        predictions: source,
        predictionsSha256: sha256,
        model,
        profile: profile.name,
        graderVersion: profile.graderVersion,
        engine: engineName,
        epochs,
        timeoutSeconds: parseSeconds(args.timeout ?? DEFAULT_DEADLINES.test, 'timeout'),
      },
      machine: {},
    },
    instances: runInstances(ofAllShards, specs, jobs),
    jobs: jobs.filter(({ spec }) => own.has(spec.instanceId)),
    engineName,
    trusted,
  };
}

/** Before anything is read. yargs makes NaN of what is no number. */
export function checkFlags(args: EvalArgs): void {
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

/** Those of the named flags that were given. */
export function definingOptions(args: object, names: readonly string[]): Record<string, unknown> {
  const entries = names.map((name) => [name, (args as Record<string, unknown>)[name]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== false));
}

/** The engine by the flags, or the one that suits the benchmark. */
export function engineFor({ engine }: Partial<EngineFlags>, { name }: Benchmark): 'docker' | 'local' {
  return engine ?? (name === 'sample' ? 'local' : 'docker');
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
  return instances.map(
    ({ instanceId, repo, difficulty, createdAt, rowHash, failToPass, passToPass, patch }) => {
      const { logParser, evalType, recipe } = specs.get(instanceId) as EvalSpec;
      return {
        ...{ instanceId, repo, difficulty, createdAt, failToPass, passToPass, rowHash, logParser, evalType },
        goldPatch: patch,
        ...(recipe === undefined ? {} : { recipe: portable(recipe) }),
        attempts: attempts.get(instanceId) ?? 0,
      };
    },
  );
}

/** A tree that comes with this package has another path on every machine. */
function portable(recipe: ImageRecipe): ImageRecipe {
  const { source } = recipe;
  return source.kind === 'git' ? recipe : { ...recipe, source: { ...source, dir: basename(source.dir) } };
}
