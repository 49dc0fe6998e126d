import { appendFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { AssayError } from '../errors.js';
import type { RunEvent, RunInstance, RunManifest } from '../model/run.js';
import type { Verdict } from '../model/verdict.js';
import { readIfExists, writeAtomic } from '../util/files.js';
import { takeLock } from '../util/lock.js';
import type { ProcessIdentity } from '../util/process.js';
import { attemptFolder, FILES, readManifest, readVerdicts } from './folder.js';
import { type AttemptRecord, beginAttempt } from './record.js';
import { settingsChanges } from './settings.js';

/** A run folder open for writing by this process alone. */
export interface Ledger {
  readonly folder: string;
  /** Verdicts that were there already, by {@link attemptKey}. */
  readonly done: ReadonlyMap<string, Verdict>;
  append(event: RunEvent): Promise<void>;
  begin(instanceId: string, attempt: number, patch: string | null): Promise<AttemptRecord>;
  close(): Promise<void>;
}

/** Names an attempt within a run. */
export function attemptKey({ instanceId, attempt }: { instanceId: string; attempt: number }): string {
  return `${instanceId}/${attempt}`;
}

interface OpenLedgerOptions {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly instances: readonly RunInstance[];
  readonly owner: ProcessIdentity;
  /** Verdicts to be found anew: their folders are kept under another name. */
  readonly again?: (verdict: Verdict) => boolean;
}

/** Opens a new run folder, or an old one with equal settings to go on; `run_changed` shows the difference otherwise. */
export async function openLedger(options: OpenLedgerOptions): Promise<Ledger> {
  const { folder, manifest, instances, owner, again = () => false } = options;
  const release = await takeLock(join(folder, FILES.lock), owner);
  try {
    if ((await readIfExists(join(folder, FILES.manifest))) === undefined) {
      await writeAtomic(
        join(folder, FILES.instances),
        instances.map((item) => `${JSON.stringify(item)}\n`).join(''),
      );
      await writeAtomic(join(folder, FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
    } else {
      assertSameSettings(folder, await readManifest(folder), manifest);
    }
    const verdicts = await readVerdicts(folder);
    const events = join(folder, FILES.events);
    await mendEvents(events, verdicts);
    for (const { instanceId, attempt, finishedAt } of verdicts.filter(again)) {
      const old = attemptFolder(folder, instanceId, attempt);
      await rename(old, `${old}.${finishedAt.replace(/[^0-9TZ]/g, '')}`);
    }
    const kept = verdicts.filter((verdict) => !again(verdict));
    const done = new Map(kept.map((verdict) => [attemptKey(verdict), verdict]));
    let tail: Promise<unknown> = Promise.resolve();
    let isTorn = false;
    return {
      folder,
      done,
      append(event) {
        const written = tail.then(async () => {
          const lead = isTorn ? '\n' : '';
          // Until it is whole: a full disk takes a part of a line.
          isTorn = true;
          await appendFile(events, `${lead}${JSON.stringify(event)}\n`);
          isTorn = false;
        });
        tail = written.catch(() => undefined);
        return written;
      },
      begin: (instanceId, attempt, patch) => beginAttempt(attemptFolder(folder, instanceId, attempt), patch),
      async close() {
        await tail;
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A crash or a full disk may have cut a line, or come between a verdict and its event; afterwards each verdict has one. */
async function mendEvents(path: string, verdicts: readonly Verdict[]): Promise<void> {
  const text = (await readIfExists(path)) ?? '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) await truncate(path, Buffer.byteLength(whole));
  const seen = new Set<string>();
  for (const line of whole.split('\n')) {
    const verdict = verdictOf(line);
    if (verdict !== undefined) seen.add(verdictId(verdict));
  }
  const missing = verdicts.filter((verdict) => !seen.has(verdictId(verdict)));
  const lines = missing.map(
    (verdict) =>
      `${JSON.stringify({ type: 'verdict', at: verdict.finishedAt, verdict } satisfies RunEvent)}\n`,
  );
  if (lines.length > 0) await appendFile(path, lines.join(''));
}

function verdictOf(line: string): Verdict | undefined {
  if (!line.startsWith('{"type":"verdict"')) return undefined;
  try {
    return (JSON.parse(line) as Partial<Extract<RunEvent, { type: 'verdict' }>>).verdict ?? undefined;
  } catch {
    return undefined;
  }
}

/** An attempt that was retried has several verdicts over time, told apart by when they came. */
function verdictId(verdict: Verdict): string {
  return `${attemptKey(verdict)} ${verdict.finishedAt}`;
}

function assertSameSettings(folder: string, before: RunManifest, now: RunManifest): void {
  const changes = settingsChanges(before.settings, now.settings);
  if (changes.length > 0)
    throw new AssayError('run_changed', `${folder} was started with other settings:\n${changes.join('\n')}`);
}
