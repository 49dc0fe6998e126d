import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Verdict } from '../../src/model/verdict.js';
import { schemaFault } from '../../src/util/schema.js';

/** Files of what a service took and has not answered. */
export const pendingIn = async (state: string) =>
  (await readdir(join(state, 'pending'))).filter((name) => name.endsWith('.json'));

export const verdictFile = (state: string, key: string) =>
  join(state, 'verdicts', key.slice(0, 2), key, 'verdict.json');

/** Each verdict that a service keeps is whole. */
export async function expectWhole(state: string, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const verdict: unknown = JSON.parse(await readFile(verdictFile(state, key), 'utf8'));
    expect([key, schemaFault(verdict, Verdict)]).toEqual([key, undefined]);
  }
}
