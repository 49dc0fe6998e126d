import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { LogSink } from '../container/test-log.js';
import type { Verdict } from '../model/verdict.js';
import type { FurtherRun } from '../strict-instance.js';
import { hasCode, writeAtomic } from '../util/files.js';
import { EVIDENCE, FILES } from './folder.js';

/** Where an attempt's evidence goes while it runs. */
export interface AttemptRecord {
  readonly log: LogSink;
  /** Log of a further run. */
  readonly logOf: (run: FurtherRun) => LogSink;
  /** Takes logs, gzip, of a try that was made elsewhere; by the names of their files. */
  adopt(logs: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Writes the verdict, last and by rename: from then on the attempt is done. */
  finish(verdict: Verdict): Promise<void>;
}

/** Opens the folder of an attempt for a new try: what an earlier one left there goes. */
export async function beginAttempt(folder: string, patch: string | null): Promise<AttemptRecord> {
  await mkdir(folder, { recursive: true });
  await writeAtomic(join(folder, FILES.patch), patch ?? '', { sync: false });
  // The verdict first: it must not stand beside the logs of another try.
  for (const name of [FILES.verdict, ...LOGS]) await rm(join(folder, name), { force: true });
  return {
    log: gzipLog(join(folder, FILES.log)),
    logOf: (run) => gzipLog(join(folder, FILES[run])),
    async adopt(logs) {
      for (const name of LOGS) {
        const bytes = logs.get(name);
        if (bytes !== undefined) await writeAtomic(join(folder, name), bytes, { sync: false });
      }
    },
    finish: (verdict) => writeAtomic(join(folder, FILES.verdict), `${JSON.stringify(verdict, null, 2)}\n`),
  };
}

const LOGS = EVIDENCE.filter((file) => file !== FILES.patch);

/** The logs that a finished try has left in its folder. */
export async function readLogs(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const logs = new Map<string, Uint8Array>();
  for (const name of LOGS) {
    const bytes = await readFile(join(folder, name)).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (bytes !== undefined) logs.set(name, bytes);
  }
  return logs;
}

/** A gzip file that is there from the first byte on. */
function gzipLog(path: string): LogSink {
  let gzip: ReturnType<typeof createGzip> | undefined;
  let closed: Promise<void> | undefined;
  const open = () => {
    const file = createWriteStream(path);
    const stream = createGzip({ level: 4 });
    // pipe() does not hand errors on; without this a full disk would end the process.
    file.on('error', (error) => stream.destroy(error));
    stream.on('error', () => file.destroy());
    stream.pipe(file);
    closed = finished(file);
    closed.catch(() => undefined);
    return stream;
  };
  return {
    write(chunk) {
      gzip ??= open();
      if (gzip.errored !== null && gzip.errored !== undefined) throw gzip.errored;
      if (gzip.write(chunk)) return;
      return once(gzip, 'drain').then(() => undefined);
    },
    async end() {
      gzip?.end();
      await closed;
    },
  };
}
