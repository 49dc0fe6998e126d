import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { type RunManifest, RunManifest as RunManifestSchema } from '../model/run.js';
import { summarise } from '../stats/summary.js';
import { readIfExists } from '../util/files.js';
import { isOfOtherHost, lockHolder } from '../util/lock.js';
import { schemaFault } from '../util/schema.js';
import { FILES, readManifest, readRun } from './folder.js';

/** Who works in a run folder, and how far what is there has come. */
export interface RunState {
  /** `incomplete`: it ended, with infrastructure errors or without some verdicts; `interrupted`: it did not end. */
  readonly state: 'running' | 'interrupted' | 'incomplete' | 'done';
  /** Of a running one. */
  readonly pid?: number;
  /** Of a running one on another host: whether its process still lives can't be known here. */
  readonly host?: string;
}

/** A run on one line of a list. */
export interface RunOverview extends RunState {
  readonly runId: string;
  readonly dataset: string;
  readonly model: string;
  readonly profile: string;
  readonly createdAt: string;
  readonly planned: number;
  readonly judged: number;
  readonly infraErrors: number;
  readonly rate: number | null;
  readonly interval: { readonly low: number; readonly high: number } | null;
}

const Bounds = Type.Object({ low: Type.Number(), high: Type.Number() });
const Brief = Type.Object({
  attempts: Type.Object({ planned: Type.Integer(), judged: Type.Integer() }),
  missing: Type.Array(Type.Unknown()),
  outcomes: Type.Object({ infra_error: Type.Integer() }),
  passAt1: Type.Object({
    rate: Type.Union([Type.Number(), Type.Null()]),
    interval: Type.Union([Bounds, Type.Null()]),
  }),
});
type Brief = Static<typeof Brief>;

/**
 * What a run folder holds, from its `report.json` where that is as new as the last event, else from every verdict. Rejects with
 * `run_not_found` or `run_damaged`.
 */
export async function readOverview(folder: string): Promise<RunOverview> {
  const reported = await readReported(folder);
  const manifest = reported?.run ?? (await readManifest(folder));
  const { attempts, missing, outcomes, passAt1 } = reported?.summary ?? summarise(await readRun(folder));
  const { dataset, model, profile } = manifest.settings;
  return {
    ...{ runId: manifest.runId, dataset, model, profile, createdAt: manifest.createdAt },
    ...{ planned: attempts.planned, judged: attempts.judged, infraErrors: outcomes.infra_error },
    ...{ rate: passAt1.rate, interval: passAt1.interval },
    ...((await runningIn(folder)) ?? { state: stateOf(missing.length, outcomes.infra_error, reported) }),
  };
}

/** A run ends with its report; one that was stopped has events after it, or none. */
function stateOf(missing: number, infraErrors: number, reported: object | undefined): RunState['state'] {
  if (missing > 0 && reported === undefined) return 'interrupted';
  return missing + infraErrors > 0 ? 'incomplete' : 'done';
}

/** The process that works in a run folder, of whatever kind; undefined when there is none. */
export async function runningIn(folder: string): Promise<RunState | undefined> {
  const holder = await lockHolder(join(folder, FILES.lock));
  if (holder === undefined) return undefined;
  const { pid, host } = holder;
  return { state: 'running', pid, ...(isOfOtherHost(holder) && host !== undefined ? { host } : {}) };
}

const Reported = Type.Object({ run: RunManifestSchema, summary: Brief });

async function readReported(folder: string): Promise<{ run: RunManifest; summary: Brief } | undefined> {
  const [report, events] = await Promise.all(
    [FILES.report, FILES.events].map((name) => stat(join(folder, name)).catch(() => undefined)),
  );
  if (report === undefined || report.mtimeMs < (events?.mtimeMs ?? 0)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse((await readIfExists(join(folder, FILES.report))) ?? '');
  } catch {
    return undefined;
  }
  return schemaFault(value, Reported) === undefined ? (value as Static<typeof Reported>) : undefined;
}
