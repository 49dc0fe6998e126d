import { join, relative, resolve } from 'node:path';
import { type DapoConfig, resolveDapo } from '../../plugins/dapo/config.js';
import { curriculum, type PastAttempt } from '../../plugins/dapo/curriculum.js';
import { estimateDapo } from '../../plugins/dapo/dry-run.js';
import { DapoEntry, iterationsBefore, lastSaved } from '../../plugins/dapo/entries.js';
import { type DapoRun, trainDapo } from '../../plugins/dapo/train.js';
import { openJournal, readJournal } from '../../plugins/trainer/journal.js';
import { checkpointOf } from '../../plugins/trainer/lifetime.js';
import { openSeries } from '../../plugins/trainer/metrics/series.js';
import { AssayError } from '../errors.js';
import { readIfExists } from '../util/files.js';
import { EXIT, usage } from './exit.js';
import { checkCount } from './flags.js';
import type { Host } from './host.js';
import type { TrainArgs } from './train-args.js';
import { dryRun, readConfig } from './train-config.js';
import { type Shared, type Training, withTraining } from './train-ground.js';
import { dapoLines, iterationScalars, iterationsPage, stepScalars } from './train-words.js';

/** `assay train dapo`: iterations of rollouts, rewards and steps. */
export async function trainDapoCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const resolved = resolveDapo(await readConfig(args.config, host));
  if (args['dry-run'] === true) return dryRun(args, resolved, estimateDapo, host);
  for (const warning of resolved.warnings) host.err(`warning: ${warning}`);
  const checkpoint = await runDapo(args, resolved.settings, host);
  host.out(`Model: ${relative(host.cwd, join(checkpoint, 'model'))}`);
  return EXIT.done;
}

/** Trains, or goes on training; resolves with the folder of the last checkpoint. `around` may change what episodes come to. */
export function runDapo(
  args: TrainArgs,
  settings: DapoConfig,
  host: Host,
  {
    around = (play) => play,
    ...shared
  }: Shared & { readonly around?: (play: DapoRun['play']) => DapoRun['play'] } = {},
): Promise<string> {
  const train = async (training: Training) => {
    const { folder, instances } = training;
    const journal = await openJournal(join(folder, 'journal.jsonl'), DapoEntry);
    const done = iterationsBefore(journal.entries, lastSaved(journal.entries) + 1);
    const series = { folder, clock: host.clock };
    const iterations = await openSeries({ ...series, name: 'iterations', from: done.length + 1 });
    const steps = await openSeries({ ...series, name: 'steps', from: (done.at(-1)?.steps ?? 0) + 1 });
    const pool = await poolOf([...instances.keys()], settings, host);
    await trainDapo({
      ...{ ...training, settings, pool, journal, clock: host.clock, onWarning: host.err },
      play: around(({ iteration, problems, url, over, model = training.model }) =>
        training.play({
          ...{ name: `iterations/${String(iteration).padStart(4, '0')}`, problems, url, model, over },
          ...{ samples: settings.algorithm.group, demonstration: false, temperature: 1, purpose: 'training' },
        }),
      ),
      async onEvent(event) {
        for (const line of dapoLines(event, settings)) host.err(line);
        if (args.json === true) host.out(JSON.stringify(event));
        if (event.type === 'iteration') await iterations.write(event.iteration, iterationScalars(event));
        if (event.type === 'step') await steps.write(event.step, stepScalars(event));
      },
    });
    return checkpointOf(folder, settings.iterations);
  };
  return withTraining(args, settings, host, train, shared);
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
    const entries = await readJournal(resolve(host.cwd, folder, 'journal.jsonl'), DapoEntry);
    if (entries.length === 0) throw usage(`algorithm.history: ${folder} holds no training by DAPO`);
    for (const { outcomes } of iterationsBefore(entries, Number.POSITIVE_INFINITY))
      for (const [instanceId, { resolved, scored }] of Object.entries(outcomes))
        for (let at = 0; at < scored; at++) history.push({ instanceId, outcome: at < resolved ? 1 : 0 });
  }
  const { kept, solved, never, untried } = curriculum(all, history, solvedAt);
  host.err(
    `${kept.length} of ${all.length} problems are trained on: ${solved.length} are solved too often, ${never.length} never, ${untried.length} were not tried`,
  );
  return kept;
}
