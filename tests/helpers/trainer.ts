import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from '@jest/globals';
import { preparedPython } from '../../plugins/trainer/environment.js';
import { messageOf } from '../../src/index.js';

/** Assay's cache, where `npm run trainer:setup` leaves the trainer's environment. */
export const cacheFolder =
  process.env['ASSAY_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'assay');

/**
 * A block of tests with the real Python trainer. Where its environment was not made it is skipped, with one line that says so; with
 * ASSAY_REQUIRE_TRAINER=1 it fails instead. Call it as `await describeWithTrainer(...)` at the top of a file.
 */
export async function describeWithTrainer(name: string, block: () => void): Promise<void> {
  const missing = await preparedPython(cacheFolder).then(() => undefined, messageOf);
  if (missing === undefined) return describe(name, block);
  const how = '`npm run trainer:setup` makes it';
  if (process.env['ASSAY_REQUIRE_TRAINER'] === '1')
    throw new Error(`Tests of the trainer are required, but ${missing}; ${how}`);
  process.stderr.write(`Skipped the tests of the trainer "${name}": ${missing}; ${how}.\n`);
  describe.skip(name, block);
}

/** Whether a process ends within two seconds; one that init has yet to bury has ended. */
export async function isGone(pid: number): Promise<boolean> {
  for (let round = 0; round < 100; round++) {
    const status = existsSync(`/proc/${pid}/status`)
      ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      : '';
    // A zombie waits for init alone.
    if (status === '' || /^State:\s+Z/m.test(status)) return true;
    await sleep(20);
  }
  return false;
}
