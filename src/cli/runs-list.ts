import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { toAssayError } from '../errors.js';
import { FILES } from '../run/folder.js';
import { type RunOverview, readOverview } from '../run/overview.js';
import { mapLimit } from '../util/pool.js';
import { EXIT, usage } from './exit.js';
import type { Host } from './host.js';
import { table } from './images-shared.js';
import { isTraining, readTraining, type TrainingOverview } from './runs-training.js';

/** A folder on one line: a run, a training, or why it can't be read. */
export type RunEntry = { readonly folder: string } & (
  | ({ readonly kind: 'run' } & RunOverview)
  | ({ readonly kind: 'training' } & TrainingOverview)
  | { readonly kind: 'damaged'; readonly code: string; readonly reason: string }
);

/** Folders that are read at once. */
const AT_ONCE = 8;

/** `assay runs list`: a line for each run, also for those that run and those that are damaged. */
export async function listRuns(raw: Readonly<Record<string, unknown>>, host: Host): Promise<number> {
  const { folder = 'runs', json } = raw as { readonly folder?: string; readonly json: boolean };
  const path = resolve(host.cwd, folder);
  if (raw['folder'] !== undefined && !(await isFolder(path)))
    throw usage(`${folder}: there is no such folder`);
  const entries = await readEntries(path);
  const named = entries.map((entry) => ({ ...entry, folder: relative(host.cwd, entry.folder) || '.' }));
  if (named.length === 0) host.err(`no run in ${folder}; \`assay eval\` makes one`);
  else if (json) for (const entry of named) host.out(JSON.stringify(entry));
  else host.out(table(HEAD, named.map(row)));
  return EXIT.done;
}

/** The runs that a folder holds, or the one that it is, the oldest first. */
export async function readEntries(folder: string): Promise<readonly RunEntry[]> {
  if (await isRun(folder)) return [await readEntry(folder)];
  const names = await readdir(folder).catch(() => []);
  const paths = names.sort().map((name) => join(folder, name));
  const entries = await mapLimit(paths, AT_ONCE, async (path) =>
    (await isRun(path)) ? [await readEntry(path)] : [],
  );
  return entries.flat().sort((a, b) => (dateOf(a) < dateOf(b) ? -1 : 1));
}

/** Whether a folder holds what a run or a training writes, whole or not. */
export async function isRun(folder: string): Promise<boolean> {
  const marks = [FILES.manifest, FILES.instances, FILES.events].map((name) => stat(join(folder, name)));
  const found = await Promise.allSettled(marks);
  return found.some(({ status }) => status === 'fulfilled') || isTraining(folder);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function readEntry(folder: string): Promise<RunEntry> {
  try {
    if (await isTraining(folder)) return { folder, kind: 'training', ...(await readTraining(folder)) };
    return { folder, kind: 'run', ...(await readOverview(folder)) };
  } catch (error) {
    const { code, message } = toAssayError(error);
    return { folder, kind: 'damaged', code, reason: message };
  }
}

function dateOf(entry: RunEntry): string {
  return entry.kind === 'damaged' ? '' : entry.createdAt;
}

const HEAD = [
  'run',
  'dataset',
  'model',
  'profile',
  'done',
  'Pass@1',
  '95 % interval',
  'infra',
  'state',
  'started',
];

function row(entry: RunEntry): string[] {
  if (entry.kind === 'damaged')
    return [cell(entry.folder), '', '', '', '', '', '', '', cell(`damaged: ${entry.reason}`)];
  const { folder, dataset, model, createdAt } = entry;
  const start = [folder, dataset, model].map(cell);
  const state =
    entry.pid === undefined
      ? entry.state
      : `running (pid ${entry.pid}${entry.host === undefined ? '' : ` of ${entry.host}`})`;
  const end = [cell(state), createdAt.slice(0, 16).replace('T', ' ')];
  if (entry.kind === 'training')
    return [...start, entry.method, entry.done, percent(entry.rate), '', '', ...end];
  const { profile, judged, planned, rate, interval, infraErrors } = entry;
  const bounds =
    interval === null ? '-' : `${percent(interval.low).slice(0, -2)} to ${percent(interval.high)}`;
  return [...start, profile, `${judged}/${planned}`, percent(rate), bounds, String(infraErrors), ...end];
}

function percent(rate: number | null): string {
  return rate === null ? '-' : `${(100 * rate).toFixed(1)} %`;
}

/** Other people's text in one cell of a table. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ');
}
