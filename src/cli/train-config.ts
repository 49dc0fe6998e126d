import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import type { DapoConfig } from '../../plugins/dapo/config.js';
import type { RftConfig } from '../../plugins/rft/config.js';
import type { Assumed, Estimate } from '../../plugins/trainer/dry-run/rows.js';
import type { Resolved } from '../../plugins/trainer/resolve.js';
import { hasCode, readIfExists } from '../util/files.js';
import { messageOf } from '../util/words.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { loadInstances } from './inputs.js';
import type { TrainArgs } from './train-args.js';
import { datasetArgs } from './train-ground.js';
import { dryRunPage } from './train-words.js';

/** A configuration as YAML or JSON has it. Throws `usage` for a file that isn't there or can't be read. */
export async function readConfig(path: string, host: Host): Promise<unknown> {
  try {
    return parse(await readFile(resolve(host.cwd, path), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw usage(`--config ${path}: there is no such file`);
    throw usage(`--config ${path}: ${messageOf(error)}`);
  }
}

/** `--dry-run`: the settings with their sources, and the arithmetic of what they imply. */
export async function dryRun<T extends DapoConfig | RftConfig>(
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
