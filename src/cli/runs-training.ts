import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Type } from 'typebox';
import { readJournal } from '../../plugins/trainer/journal.js';
import { AssayError } from '../errors.js';
import { type RunState, runningIn } from '../run/overview.js';
import { readIfExists } from '../util/files.js';
import { isObject } from '../util/json-file.js';

/** A training on one line of a list. */
export interface TrainingOverview extends Pick<RunState, 'pid' | 'host'> {
  readonly state: 'running' | 'stopped';
  readonly method: 'rft' | 'dapo';
  readonly dataset: string;
  readonly model: string;
  readonly createdAt: string;
  /** How far it is: `iteration 12`, or `step 40` of rejection fine-tuning. */
  readonly done: string;
  /** Pass@1 of the rollouts of the last iteration. */
  readonly rate: number | null;
}

/** What the journals of both methods have in common. */
const Entry = Type.Object({
  type: Type.String(),
  iteration: Type.Optional(Type.Integer()),
  step: Type.Optional(Type.Integer()),
  metrics: Type.Optional(Type.Record(Type.String(), Type.Number())),
});

/** What a training writes as it goes. */
export const JOURNAL = 'journal.jsonl';
const SETTINGS = 'settings.json';

/** Whether a folder is that of a training. */
export async function isTraining(folder: string): Promise<boolean> {
  return (await stat(join(folder, JOURNAL)).catch(() => undefined)) !== undefined;
}

/** How far a training has come, also while it runs; rejects with `run_damaged`. */
export async function readTraining(folder: string): Promise<TrainingOverview> {
  const entries = await readJournal(join(folder, JOURNAL), Entry);
  const { birthtime } = await stat(join(folder, JOURNAL));
  const last = entries.findLast(({ type }) => type === 'iteration');
  const step = entries.findLast((entry) => entry.step !== undefined)?.step ?? 0;
  const isRft = entries.some(({ type }) => type === 'selected');
  const { dataset, model } = await readNames(folder);
  return {
    ...({ state: 'stopped', ...(await runningIn(folder)) } as Pick<
      TrainingOverview,
      'state' | 'pid' | 'host'
    >),
    method: isRft ? 'rft' : 'dapo',
    dataset,
    model,
    createdAt: birthtime.toISOString(),
    done: isRft ? `step ${step}` : `iteration ${last?.iteration ?? 0}`,
    rate: last?.metrics?.['rollout/pass_at_1'] ?? null,
  };
}

/** Dataset and model by the settings that the training keeps. */
async function readNames(folder: string): Promise<{ readonly dataset: string; readonly model: string }> {
  const settings = await readSettings(folder);
  const { dataset, model } = isObject(settings) ? settings : {};
  return { dataset: nameIn(dataset, 'name'), model: basename(nameIn(model, 'folder')) };
}

/** The settings that a training keeps, not checked; an empty record where it has none. */
export async function readSettings(folder: string): Promise<unknown> {
  const path = join(folder, SETTINGS);
  try {
    return JSON.parse((await readIfExists(path)) ?? '{}');
  } catch {
    throw new AssayError('run_damaged', `${path} is not JSON`);
  }
}

function nameIn(value: unknown, key: string): string {
  const name = isObject(value) ? value[key] : value;
  return typeof name === 'string' ? name : '-';
}
