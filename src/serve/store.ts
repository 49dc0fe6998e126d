import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Verdict } from '../model/verdict.js';
import { FILES } from '../run/folder.js';
import type { Begin } from '../run/grader.js';
import { beginAttempt } from '../run/record.js';
import type { Asked } from '../run/task.js';
import { hasCode, readIfExists, writeAtomic } from '../util/files.js';
import { isObject } from '../util/json-file.js';
import { schemaFault } from '../util/schema.js';

/**
 * What the service keeps on the disk: the verdicts that it found with their evidence, `verdicts/<k>/<key>/` as an attempt of a run folder, and the
 * tasks that it took and has not answered, `pending/<key>.json`. Each file is written whole, and a verdict last: what a crash leaves is done,
 * or is done again.
 */
export interface Store {
  /** The verdict of a key; undefined where none was found yet, or what is there is damaged. */
  find(key: string): Promise<Verdict | undefined>;
  /** Opens the folder of a key for a try. A verdict that is no true one is not kept. */
  readonly begin: Begin;
  /** Keeps a task until `settle`. */
  pend(key: string, asked: Asked): Promise<void>;
  settle(key: string): Promise<void>;
  /** The tasks that were pending when the service last ended, oldest first. */
  pending(): Promise<readonly Asked[]>;
}

export function openStore(folder: string, onWarning: (message: string) => void): Store {
  const folderOf = (key: string) => join(folder, 'verdicts', key.slice(0, 2), key);
  const pendingFile = (key: string) => join(folder, 'pending', `${key}.json`);
  return {
    async find(key) {
      const path = join(folderOf(key), FILES.verdict);
      const text = await readIfExists(path);
      if (text === undefined) return undefined;
      const verdict = parsed(text);
      const fault = verdict === undefined ? 'it is cut or damaged' : schemaFault(verdict, Verdict);
      if (fault === undefined) return verdict as Verdict;
      onWarning(`warning: ${path} is not used: ${fault}`);
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
      const times = new Map(
        await Promise.all(texts.map(async (path) => [path, (await stat(path)).mtimeMs] as const)),
      );
      const asked: Asked[] = [];
      // Oldest first: where crash follows crash, none is put off for ever.
      for (const path of texts.sort((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0))) {
        const one = parsed(await readFile(path, 'utf8').catch(() => undefined));
        if (isObject(one)) asked.push(one as Asked);
        else onWarning(`warning: ${path} is damaged and left alone`);
      }
      return asked;
    },
  };
}

/** The store without verdicts of scripts that did not run whole. */
export function wholeScripts(store: Store): Store {
  return {
    ...store,
    async find(key) {
      const verdict = await store.find(key);
      return verdict?.reinstall === undefined ? verdict : undefined;
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
