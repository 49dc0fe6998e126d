import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, hasCode } from '../../../src/index.js';
import { eventRecord } from './event.js';

/** Numbers over the steps of a run, as lines of JSON and for TensorBoard. One process at a time writes them. */
export interface Series {
  /** Resolves when the line and the event are written; they are not waited for to be on the disk: the journal is what a run goes on from. */
  write(step: number, scalars: Readonly<Record<string, number>>): Promise<void>;
}

interface SeriesOptions {
  /** Gets `<name>.jsonl` and `tensorboard/<name>/`. */
  readonly folder: string;
  readonly name: string;
  /** The first step that is written now; what there is of it and later ones, from before a kill, is void. */
  readonly from: number;
  readonly clock: Pick<Clock, 'iso'>;
}

/** Opens a series, or goes on with one. */
export async function openSeries({ folder, name, from, clock }: SeriesOptions): Promise<Series> {
  const events = join(folder, 'tensorboard', name);
  await mkdir(events, { recursive: true });
  const lines = join(folder, `${name}.jsonl`);
  await keepBefore(lines, from);
  const wallTime = () => Date.parse(clock.iso()) / 1000;
  // TensorBoard reads the files of a folder in the order of their names, and takes those for its own that have `tfevents` in them.
  const started = String(Math.floor(wallTime())).padStart(10, '0');
  const file = join(events, `events.out.tfevents.${started}.assay.${process.pid}`);
  await append(
    file,
    Buffer.concat([
      eventRecord({ wallTime: wallTime(), step: 0, fileVersion: 'brain.Event:2' }),
      eventRecord({ wallTime: wallTime(), step: from, restart: true }),
    ]),
  );
  return {
    async write(step, scalars) {
      const time = wallTime();
      await append(lines, `${JSON.stringify({ step, time, ...scalars })}\n`);
      await append(file, eventRecord({ wallTime: time, step, scalars }));
    },
  };
}

async function append(path: string, content: string | Buffer): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
}

/** Leaves out later lines, and one that a kill has cut short. */
async function keepBefore(path: string, from: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (text === undefined) return;
  const kept = text
    .split('\n')
    .slice(0, -1)
    .filter((line) => stepOf(line) < from);
  await writeFile(`${path}.tmp`, kept.map((line) => `${line}\n`).join(''));
  await rename(`${path}.tmp`, path);
}

function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { readonly step: number }).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
