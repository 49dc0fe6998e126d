import { appendFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunEvent } from '../../src/model/run.js';
import { followRun } from '../../src/run/follow.js';
import { type Ledger, openLedger } from '../../src/run/ledger.js';
import { identifyProcess } from '../../src/util/process.js';
import { instance, runResults, verdict } from '../reports/run-results.js';

const INSTANCES = [instance('django__django-1'), instance('django__django-2')];
const { manifest } = runResults(INSTANCES, []);
const OWNER = identifyProcess(process.pid) ?? { pid: process.pid, started: '' };

let folder: string;
let ledger: Ledger;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-follow-'));
  ledger = await openLedger({ folder, manifest, instances: INSTANCES, owner: OWNER });
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const start = (instanceId: string): RunEvent => ({
  ...{ type: 'attempt_start', at: '2026-11-22T12:00:00.000Z', instanceId, attempt: 1, try: 1 },
});

async function finish(instanceId: string, fields: Parameters<typeof verdict>[1] = {}): Promise<void> {
  const given = verdict(instanceId, fields);
  const record = await ledger.begin(instanceId, 1, 'patch');
  await record.log.write(Buffer.from('log'));
  await record.finish(given);
  await ledger.append({ type: 'verdict', at: given.finishedAt, verdict: given });
}

describe('followRun', () => {
  it('tells which attempts have begun, and their verdicts once they are there', async () => {
    const now = followRun(folder);
    expect(await now()).toMatchObject({ begun: [], results: { verdicts: [], instances: INSTANCES } });
    await ledger.append(start('django__django-1'));
    expect((await now()).begun).toEqual([
      { instanceId: 'django__django-1', attempt: 1, since: '2026-11-22T12:00:00.000Z' },
    ]);
    await finish('django__django-1');
    const { begun, results } = await now();
    expect(begun).toEqual([]);
    expect(results.verdicts.map(({ outcome }) => outcome)).toEqual(['resolved']);
  });

  it('sees what was there before it came, and takes a verdict back while its attempt is made again', async () => {
    await ledger.append(start('django__django-1'));
    await finish('django__django-1', { outcome: 'infra_error', reason: 'image_pull_limited' });
    const now = followRun(folder);
    expect((await now()).results.verdicts).toHaveLength(1);
    await ledger.append(start('django__django-1'));
    expect(await now()).toMatchObject({
      begun: [{ instanceId: 'django__django-1' }],
      results: { verdicts: [] },
    });
  });

  it('waits for the end of a line that is being written', async () => {
    const now = followRun(folder);
    await now();
    const line = `${JSON.stringify(start('django__django-2'))}\n`;
    await appendFile(join(folder, 'events.jsonl'), line.slice(0, 40));
    expect((await now()).begun).toEqual([]);
    await appendFile(join(folder, 'events.jsonl'), line.slice(40));
    expect((await now()).begun).toHaveLength(1);
  });

  it('reads the folder anew when its events are fewer than before', async () => {
    await finish('django__django-1');
    const now = followRun(folder);
    await now();
    await truncate(join(folder, 'events.jsonl'), 0);
    expect((await now()).results.verdicts).toHaveLength(1);
  });
});
