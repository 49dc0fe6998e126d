import { join, relative } from 'node:path';
import { connection } from '../../plugins/agent/policy/connection.js';
import { redaction } from '../../plugins/agent/policy/key.js';
import { serverTokenizer } from '../../plugins/agent/policy/server.js';
import { type RftConfig, resolveRft } from '../../plugins/rft/config.js';
import { estimateRft } from '../../plugins/rft/dry-run.js';
import { exportEpisodes } from '../../plugins/rft/export-files.js';
import { RftEntry, trainRft } from '../../plugins/rft/train.js';
import { openJournal } from '../../plugins/trainer/journal.js';
import type { Tokenize } from '../../plugins/trainer/samples.js';
import { AssayError } from '../errors.js';
import { readValidations } from '../run/validate.js';
import { EXIT } from './exit.js';
import type { Host } from './host.js';
import type { TrainArgs } from './train-args.js';
import { dryRun, readConfig } from './train-config.js';
import { type Shared, type Training, withTraining } from './train-ground.js';
import { rftLine } from './train-words.js';

/** `assay train rft`: episodes, a selection of them, and the model that has learnt it. */
export async function trainRftCommand(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const args = raw as TrainArgs;
  const resolved = resolveRft(await readConfig(args.config, host));
  if (args['dry-run'] === true) return dryRun(args, resolved, estimateRft, host);
  for (const warning of resolved.warnings) host.err(`warning: ${warning}`);
  const checkpoint = await runRft(args, resolved.settings, host);
  host.out(`Model: ${relative(host.cwd, join(checkpoint, 'model'))}`);
  return EXIT.done;
}

/** Trains, or goes on training; resolves with the folder of the last checkpoint. */
export function runRft(args: TrainArgs, settings: RftConfig, host: Host, shared?: Shared): Promise<string> {
  const tune = async (training: Training) => {
    const { folder, instances, scaffold, plan, play } = training;
    const { demonstration, temperature, samples } = settings.rollouts;
    const problems = [...instances.keys()];
    const workdirs = new Map(plan.jobs.map(({ spec }) => [spec.instanceId, spec.workdir]));
    const promptOf = (id: string) => {
      const [instance, workdir] = [instances.get(id), workdirs.get(id)];
      if (instance === undefined || workdir === undefined) throw new Error(`no instance ${id}`);
      return scaffold.prompt(instance, { demonstration: false, workdir });
    };
    return trainRft({
      ...{ ...training, settings, problems, clock: host.clock, onWarning: host.err },
      journal: await openJournal(join(folder, 'journal.jsonl'), RftEntry),
      play: ({ url, over, model = training.model }) =>
        play({
          ...{ name: 'rollouts', problems, samples, url, model, over, demonstration, temperature },
          purpose: temperature === 1 ? 'training' : 'eval',
        }),
      promptOf,
      tokenizeAt: (url) => tokenizerAt(url, training, host),
      validations: await readValidations(host.cacheDir, plan.manifest.settings.datasetSha256, host.err),
      async exportKept({ steps }, kept, sequenceOf) {
        const { settings: run } = plan.manifest;
        await exportEpisodes({
          ...{ folder: join(folder, 'dataset'), episodes: kept, formats: ['messages', 'tokens'], promptOf },
          sequenceOf,
          maskFormatErrors: settings.algorithm.maskFormatErrors,
          facts: {
            ...{
              dataset: run.dataset,
              datasetSha256: run.datasetSha256,
              datasetRevision: run.datasetRevision,
            },
            ...{
              model: settings.model.folder ?? training.model,
              scaffold: `${scaffold.name}@${scaffold.version}`,
              steps,
            },
            prompts: { sampled: demonstration ? 'with demonstration' : 'plain', exported: 'plain' },
            ...{
              temperature,
              samples,
              verdict: settings.algorithm.verdict,
              graderVersion: run.graderVersion,
            },
            createdAt: host.clock.iso(),
          },
        });
      },
      onEvent(entry) {
        host.err(rftLine(entry));
        if (args.json === true) host.out(JSON.stringify(entry));
      },
    });
  };
  return withTraining(args, settings, host, tune, shared);
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
