import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import { connection } from '../../plugins/agent/policy/connection.js';
import { redaction } from '../../plugins/agent/policy/key.js';
import { serverTokenizer } from '../../plugins/agent/policy/server.js';
import { type DapoConfig, resolveDapo } from '../../plugins/dapo/config.js';
import { curriculum, type PastAttempt } from '../../plugins/dapo/curriculum.js';
import { checkpointOf, DapoEntry, type DapoEvent, trainDapo } from '../../plugins/dapo/train.js';
import { resolveRft } from '../../plugins/rft/config.js';
import { RftEntry, trainRft } from '../../plugins/rft/train.js';
import { openJournal } from '../../plugins/trainer/journal.js';
import type { Tokenize } from '../../plugins/trainer/samples.js';
import { AssayError } from '../errors.js';
import { readValidations } from '../run/validate.js';
import { hasCode } from '../util/files.js';
import { messageOf } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import type { TrainArgs } from './train-command.js';
import { type Training, withTraining } from './train-ground.js';

/** `assay train rft`: episodes, a selection of them, and the model that has learnt it. */
export async function trainRftCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const { settings, warnings } = resolveRft(await readConfig(args.config, host));
  for (const warning of warnings) host.err(`warning: ${warning}`);
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
      onEvent: (entry) => host.err(rftLine(entry)),
    });
    host.out(`Model: ${relative(host.cwd, join(checkpoint, 'model'))}`);
    return EXIT.done;
  });
}

/** `assay train dapo`: iterations of rollouts, rewards and steps. */
export async function trainDapoCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const { settings, warnings } = resolveDapo(await readConfig(args.config, host));
  for (const warning of warnings) host.err(`warning: ${warning}`);
  return withTraining(args, settings, host, async (training) => {
    const { folder, instances, model } = training;
    await trainDapo({
      ...training,
      ...{ settings, clock: host.clock, onWarning: host.err },
      pool: await poolOf([...instances.keys()], settings, host),
      journal: await openJournal(join(folder, 'journal.jsonl'), DapoEntry),
      play: ({ iteration, problems, url }) =>
        training.play({
          ...{ name: `iterations/${String(iteration).padStart(4, '0')}`, problems, url, model },
          ...{ samples: settings.algorithm.group, demonstration: false, temperature: 1, purpose: 'training' },
        }),
      onEvent: (event) => host.err(dapoLine(event, settings)),
    });
    host.out(`Model: ${relative(host.cwd, join(checkpointOf(folder, settings.iterations), 'model'))}`);
    return EXIT.done;
  });
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

function rftLine(entry: RftEntry): string {
  switch (entry.type) {
    case 'selected':
      return `${entry.steps.map(({ name, left }) => `${name} ${left}`).join(', ')}; ${entry.optimizerSteps} steps`;
    case 'step':
      return `step ${entry.step}: loss ${entry.loss.toFixed(4)}, gradient ${entry.gradientNorm?.toFixed(3) ?? 'not finite'}, ${entry.tokens} tokens`;
    case 'saved':
      return `step ${entry.step}: saved`;
  }
}

function dapoLine(event: DapoEvent, { iterations }: DapoConfig): string {
  switch (event.type) {
    case 'iteration_start':
      return `iteration ${event.iteration}/${iterations}: ${event.problems} problems`;
    case 'step':
      return `iteration ${event.iteration}/${iterations}: step ${event.step}, loss ${event.sums['loss']?.toFixed(4)}, gradient ${event.gradientNorm?.toFixed(3) ?? 'not finite'}`;
    case 'iteration': {
      const { counts, metrics, seconds } = event;
      return `iteration ${event.iteration}/${iterations}: Pass@1 ${((metrics['rollout/pass_at_1'] ?? 0) * 100).toFixed(1)} %, ${counts['kept']} of ${counts['groups']} groups with a signal, ${counts['unscorable']} unscorable, ${metrics['rollout/turns']?.toFixed(1)} turns, entropy ${metrics['train/entropy']?.toFixed(3) ?? '-'}; rollouts ${seconds.rollouts.toFixed(0)} s, training ${seconds.training.toFixed(0)} s`;
    }
  }
}
