import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { connection } from '../../plugins/agent/policy/connection.js';
import { redaction } from '../../plugins/agent/policy/key.js';
import { serverTokenizer } from '../../plugins/agent/policy/server.js';
import { type DapoConfig, resolveDapo } from '../../plugins/dapo/config.js';
import { curriculum, type PastAttempt } from '../../plugins/dapo/curriculum.js';
import { estimateDapo } from '../../plugins/dapo/dry-run.js';
import { checkpointOf, DapoEntry, iterationsBefore, lastSaved, trainDapo } from '../../plugins/dapo/train.js';
import { type RftConfig, resolveRft } from '../../plugins/rft/config.js';
import { estimateRft } from '../../plugins/rft/dry-run.js';
import { RftEntry, trainRft } from '../../plugins/rft/train.js';
import type { Assumed, Estimate } from '../../plugins/trainer/dry-run/rows.js';
import { openJournal, readJournal } from '../../plugins/trainer/journal.js';
import { openSeries } from '../../plugins/trainer/metrics/series.js';
import type { Resolved } from '../../plugins/trainer/resolve.js';
import type { Tokenize } from '../../plugins/trainer/samples.js';
import { AssayError } from '../errors.js';
import { readValidations } from '../run/validate.js';
import { hasCode, readIfExists } from '../util/files.js';
import { messageOf } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import { loadInstances } from './inputs.js';
import type { TrainArgs } from './train-command.js';
import { datasetArgs, type Training, withTraining } from './train-ground.js';
import {
  dapoLines,
  dryRunPage,
  iterationScalars,
  iterationsPage,
  rftLine,
  stepScalars,
} from './train-words.js';

/** `assay train rft`: episodes, a selection of them, and the model that has learnt it. */
export async function trainRftCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const resolved = resolveRft(await readConfig(args.config, host));
  const { settings } = resolved;
  if (args['dry-run'] === true) return dryRun(args, resolved, estimateRft, host);
  for (const warning of resolved.warnings) host.err(`warning: ${warning}`);
  return withTraining(args, settings, host, async (training) => {
    const { folder, instances, scaffold, plan } = training;
    const { demonstration, temperature, samples } = settings.rollouts;
    const checkpoint = await trainRft({
      ...training,
      ...{ settings, clock: host.clock, onWarning: host.err },
      problems: [...instances.keys()],
      journal: await openJournal(join(folder, 'journal.jsonl'), RftEntry),
      play: ({ url }) =>
        training.play({
          ...{ name: 'rollouts', problems: [...instances.keys()], samples, url, model: training.model },
          ...{ demonstration, temperature, purpose: temperature === 1 ? 'training' : 'eval' },
        }),
      promptOf: (id) => {
        const job = plan.jobs.find(({ spec }) => spec.instanceId === id);
        const instance = instances.get(id);
        if (job === undefined || instance === undefined) throw new Error(`no instance ${id}`);
        return scaffold.prompt(instance, { demonstration: false, workdir: job.spec.workdir });
      },
      tokenizeAt: (url) => tokenizerAt(url, training, host),
      validations: await readValidations(host.cacheDir, plan.manifest.settings.datasetSha256, host.err),
      exportKept: async () => undefined,
      onEvent(entry) {
        host.err(rftLine(entry));
        if (args.json === true) host.out(JSON.stringify(entry));
      },
    });
    host.out(`Model: ${relative(host.cwd, join(checkpoint, 'model'))}`);
    return EXIT.done;
  });
}

/** `assay train dapo`: iterations of rollouts, rewards and steps. */
export async function trainDapoCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const resolved = resolveDapo(await readConfig(args.config, host));
  const { settings } = resolved;
  if (args['dry-run'] === true) return dryRun(args, resolved, estimateDapo, host);
  for (const warning of resolved.warnings) host.err(`warning: ${warning}`);
  return withTraining(args, settings, host, async (training) => {
    const { folder, instances, model } = training;
    const journal = await openJournal(join(folder, 'journal.jsonl'), DapoEntry);
    const done = iterationsBefore(journal.entries, lastSaved(journal.entries) + 1);
    const series = { folder, clock: host.clock };
    const iterations = await openSeries({ ...series, name: 'iterations', from: done.length + 1 });
    const steps = await openSeries({ ...series, name: 'steps', from: (done.at(-1)?.steps ?? 0) + 1 });
    await trainDapo({
      ...training,
      ...{ settings, clock: host.clock, onWarning: host.err },
      pool: await poolOf([...instances.keys()], settings, host),
      journal,
      play: ({ iteration, problems, url }) =>
        training.play({
          ...{ name: `iterations/${String(iteration).padStart(4, '0')}`, problems, url, model },
          ...{ samples: settings.algorithm.group, demonstration: false, temperature: 1, purpose: 'training' },
        }),
      async onEvent(event) {
        for (const line of dapoLines(event, settings)) host.err(line);
        if (args.json === true) host.out(JSON.stringify(event));
        if (event.type === 'iteration') await iterations.write(event.iteration, iterationScalars(event));
        if (event.type === 'step') await steps.write(event.step, stepScalars(event));
      },
    });
    host.out(`Model: ${relative(host.cwd, join(checkpointOf(folder, settings.iterations), 'model'))}`);
    return EXIT.done;
  });
}

/** `assay train show`: the last iterations of a training by DAPO, also while it runs. */
export async function trainShowCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const {
    run,
    rows = 20,
    json,
  } = raw as { readonly run: string; readonly rows?: number; readonly json?: boolean };
  checkCount(rows, 'rows', 1);
  const path = resolve(host.cwd, run, 'journal.jsonl');
  if ((await readIfExists(path)) === undefined)
    throw new AssayError('run_not_found', `${run} holds no training: it has no journal.jsonl`);
  const entries = iterationsBefore(await readJournal(path, DapoEntry), Number.POSITIVE_INFINITY);
  if (json === true) host.out(JSON.stringify(entries.slice(-rows)));
  else host.out(entries.length === 0 ? 'No iteration has ended yet.' : iterationsPage(entries, rows));
  return EXIT.done;
}

async function dryRun<T extends DapoConfig | RftConfig>(
  args: TrainArgs,
  { settings, sources, warnings }: Resolved<T>,
  estimate: (settings: T, assumed: Assumed) => Estimate,
  host: Host,
): Promise<number> {
  const pool = (await loadInstances(datasetArgs(args, settings), host)).instances.length;
  const found = estimate(settings, {
    pool,
    half: args['assume-cuda'] !== false,
    ...(args['mean-tokens'] === undefined ? {} : { meanTokens: args['mean-tokens'] }),
    ...(await modelConfigOf(settings, host)),
  });
  for (const warning of [...warnings, ...found.warnings]) host.err(`warning: ${warning}`);
  host.out(
    args.json === true
      ? JSON.stringify({ settings, sources, implied: found.rows })
      : dryRunPage(sources, found),
  );
  return EXIT.done;
}

/** `config.json` of the model, where one can see it. */
async function modelConfigOf(
  { model }: DapoConfig | RftConfig,
  host: Host,
): Promise<{ readonly modelConfig?: unknown }> {
  if (model.folder === undefined) return { modelConfig: model.config };
  const text = await readIfExists(resolve(host.cwd, model.folder, 'config.json'));
  return text === undefined ? {} : { modelConfig: JSON.parse(text) };
}

/** Throws `usage` for a file that isn't there or can't be read. */
async function readConfig(path: string, host: Host): Promise<unknown> {
  try {
    return parse(await readFile(resolve(host.cwd, path), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw usage(`--config ${path}: there is no such file`);
    throw usage(`--config ${path}: ${messageOf(error)}`);
  }
}

/** Stage 2 leaves out what earlier trainings show to be too easy or too hard. */
async function poolOf(
  all: readonly string[],
  { algorithm }: DapoConfig,
  host: Host,
): Promise<readonly string[]> {
  const { history: folders = [], solvedAt } = algorithm;
  if (solvedAt === undefined) return all;
  const history: PastAttempt[] = [];
  for (const folder of folders) {
    const { entries } = await openJournal(resolve(host.cwd, folder, 'journal.jsonl'), DapoEntry);
    if (entries.length === 0) throw usage(`algorithm.history: ${folder} holds no training by DAPO`);
    const last = new Map(
      entries.flatMap((entry) => (entry.type === 'iteration' ? [[entry.iteration, entry]] : [])),
    );
    for (const { outcomes } of last.values())
      for (const [instanceId, { resolved, scored }] of Object.entries(outcomes))
        for (let at = 0; at < scored; at++) history.push({ instanceId, outcome: at < resolved ? 1 : 0 });
  }
  const { kept, solved, never, untried } = curriculum(all, history, solvedAt);
  host.err(
    `${kept.length} of ${all.length} problems are trained on: ${solved.length} are solved too often, ${never.length} never, ${untried.length} were not tried`,
  );
  return kept;
}

function tokenizerAt(url: string, { model, kill }: Training, host: Host): Tokenize {
  const ask = connection({
    ...{ redaction: redaction(host.env['ASSAY_API_KEY']), clock: host.clock, random: Math.random },
    ...{ stallSeconds: 240, retries: 8, retrySeconds: 900, onRetry: host.err },
  });
  const tokenize = serverTokenizer({ ask, base: url, model });
  return (messages, addGenerationPrompt) => {
    if (!addGenerationPrompt) throw new AssayError('internal', 'prompts end with what begins an answer');
    return tokenize(messages, kill);
  };
}
