import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Verdict } from '../model/verdict.js';
import { FILES } from '../run/folder.js';
import { type AttemptRecord, beginAttempt } from '../run/record.js';
import { hasCode, readIfExists, writeAtomic } from '../util/files.js';
import { schemaFault } from '../util/schema.js';
import type { Asked } from './task.js';

/**
 * What the service keeps on the disk: the verdicts that it found with their evidence, `verdicts/<k>/<key>/` as an attempt of a run folder, and the
 * tasks that it took and has not answered, `pending/<key>.json`. Each file is written whole, and a verdict last: what a crash leaves is done,
 * or is done again.
 */
export interface Store {
  /** The verdict of a key; undefined where none was found yet, or what is there is damaged. */
  find(key: string): Promise<Verdict | undefined>;
  /** Opens the folder of a key for a try. A verdict that is no true one is not kept. */
  begin(key: string, patch: string | null): Promise<AttemptRecord>;
  /** Keeps a task until `settle`. */
  pend(key: string, asked: Asked): Promise<void>;
  settle(key: string): Promise<void>;
  /** The tasks that were pending when the service last ended. */
  pending(): Promise<readonly Asked[]>;
}

export function openStore(folder: string, onWarning: (message: string) => void): Store {
  const folderOf = (key: string) => join(folder, 'verdicts', key.slice(0, 2), key);
  const pendingFile = (key: string) => join(folder, 'pending', `${key}.json`);
  return {
    async find(key) {
      const path = join(folderOf(key), FILES.verdict);
      const verdict = parsed(await readIfExists(path));
      if (verdict === undefined) return undefined;
      const fault = schemaFault(verdict, Verdict);
      if (fault === undefined) return verdict as Verdict;
      onWarning(`${path} is not used: ${fault}`);
      return undefined;
    },
    async begin(key, patch) {
      const record = await beginAttempt(folderOf(key), patch);
      return {
        ...record,
        finish: async (verdict) => {
          if (verdict.outcome !== 'infra_error') await record.finish(verdict);
        },
      };
    },
    pend: (key, asked) => writeAtomic(pendingFile(key), JSON.stringify(asked)),
    settle: (key) => rm(pendingFile(key), { force: true }),
    async pending() {
      const names = await readdir(join(folder, 'pending')).catch((error: unknown) => {
        if (hasCode(error, 'ENOENT')) return [];
        throw error;
      });
      const texts = names
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(folder, 'pending', name));
      const asked: Asked[] = [];
      for (const path of texts) {
        const one = parsed(await readIfExists(path));
        if (one === undefined) onWarning(`${path} is damaged and left alone`);
        else asked.push(one as Asked);
      }
      return asked;
    },
  };
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
