import { basename, join } from 'node:path';
import { DapoEntry, iterationsBefore } from '../../plugins/dapo/entries.js';
import { RftEntry } from '../../plugins/rft/train.js';
import { readJournal } from '../../plugins/trainer/journal.js';
import { dapoPage, rftPage, type TrainingPage } from '../../reports/index.js';
import type { Host } from './host.js';
import { JOURNAL, readSettings, readTraining } from './runs-training.js';

/** All that there is to see of a training by now, also while it runs; rejects with `run_damaged`. */
export async function readTrainingPage(folder: string, host: Host): Promise<TrainingPage> {
  const { method } = await readTraining(folder);
  const settings = await readSettings(folder);
  const about = { name: basename(folder), settings, generatedAt: host.clock.iso() };
  const path = join(folder, JOURNAL);
  if (method === 'rft') return rftPage(about, await readJournal(path, RftEntry));
  return dapoPage(about, iterationsBefore(await readJournal(path, DapoEntry), Number.POSITIVE_INFINITY));
}
