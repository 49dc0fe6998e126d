import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readOutcomes } from '../../src/run/published.js';
import { findLogs, readPublishedLog } from '../../src/run/published-logs.js';

let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-published-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

async function outcomes(value: unknown, model?: string) {
  const path = join(work, 'outcomes.json');
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  const { fates, others, model: name, format } = await readOutcomes(path, model);
  const kinds = Object.fromEntries([...fates].map(([id, fate]) => [id, `${fate.kind}: ${fate.says}`]));
  return { kinds, others: others?.kind, model: name, format };
}

async function refusal(value: unknown, model?: string): Promise<string> {
  const error = await outcomes(value, model).then(
    () => undefined,
    (thrown: Error & { code: string; detail: string }) => thrown,
  );
  return `${error?.code}: ${error?.message} (${error?.detail})`;
}

describe('readOutcomes', () => {
  test('takes a list of resolved ids: all others are not resolved', async () => {
    expect(await outcomes(['a', 'b'])).toEqual({
      kinds: { a: 'resolved: resolved', b: 'resolved: resolved' },
      others: 'unresolved',
      model: undefined,
      format: 'list of resolved ids',
    });
  });

  test('takes the only model of a map, or the one that is named', async () => {
    expect(await outcomes({ one: ['a'] })).toMatchObject({ model: 'one', others: 'unresolved' });
    expect(await outcomes({ one: ['a'], two: ['b'] }, 'two')).toMatchObject({
      model: 'two',
      kinds: { b: 'resolved: resolved' },
    });
    expect(await refusal({ one: ['a'], two: ['b'] })).toMatch(
      /^usage: outcomes.json has the outcomes of one, two .*--model/,
    );
    expect(await refusal({ one: ['a'] }, 'three')).toContain('has the outcomes of one');
  });

  test('takes results.json of SWE-bench/experiments', async () => {
    const results = {
      no_generation: ['a'],
      no_logs: ['b', 'c'],
      generated: ['c', 'd'],
      resolved: ['c', 'd'],
    };
    expect(await outcomes(results, 'm')).toEqual({
      kinds: {
        a: 'empty: no_generation',
        b: 'error: no_logs',
        c: 'resolved: resolved',
        d: 'resolved: resolved',
      },
      others: 'unresolved',
      model: 'm',
      format: 'results.json',
    });
  });

  test('takes a report of the reference harness: what it does not name was not submitted', async () => {
    const report = {
      submitted_ids: ['a', 'b', 'c', 'd', 'e'],
      resolved_ids: ['a'],
      unresolved_ids: ['b'],
      error_ids: ['c'],
      empty_patch_ids: ['d'],
      incomplete_ids: ['f'],
      infra_failure_ids: ['c'],
      failure_reasons: { c: 'no_space' },
      schema_version: 2,
    };
    expect(await outcomes(report)).toEqual({
      kinds: {
        a: 'resolved: resolved_ids',
        b: 'unresolved: unresolved_ids',
        c: 'error: error_ids: no_space',
        d: 'empty: empty_patch_ids',
        e: 'error: submitted_ids alone',
      },
      others: undefined,
      model: undefined,
      format: 'harness report',
    });
  });

  test('says what it expects of anything else', async () => {
    expect(await refusal('{')).toMatch(/^usage: outcomes.json.*expected a list of resolved ids/);
    expect(await refusal([1])).toContain('expected a list of instance ids');
    expect(await refusal({ m: 'a' })).toContain('outcomes.json: m: expected a list of instance ids');
    expect(await refusal({ resolved_ids: { a: 1 } })).toContain('resolved_ids: expected a list');
    expect(await refusal({})).toContain('has the outcomes of nothing');
  });
});

describe('folders of logs', () => {
  const known = new Set(['a__a-1', 'a__a-2']);
  async function put(path: string, content = '') {
    await mkdir(join(work, path, '..'), { recursive: true });
    await writeFile(join(work, path), content);
  }

  test('are found as the reference lays them out, from any folder above', async () => {
    await put('ref/logs/run_evaluation/run1/acme__solver/a__a-1/patch.diff');
    await put('ref/logs/run_evaluation/run1/acme__solver/a__a-3/patch.diff');
    const folder = join(work, 'ref/logs/run_evaluation/run1/acme__solver');
    for (const root of ['ref', 'ref/logs', 'ref/logs/run_evaluation/run1/acme__solver'])
      expect(await findLogs(join(work, root), known)).toEqual({
        folder,
        ids: ['a__a-1', 'a__a-3'],
        model: 'acme__solver',
      });
  });

  test('are found as SWE-bench/experiments lays them out, beside trajectories', async () => {
    await put('exp/20250101_solver/logs/a__a-2/report.json');
    await put('exp/20250101_solver/trajs/a__a-2/a__a-2.traj');
    expect(await findLogs(join(work, 'exp'), known)).toEqual({
      folder: join(work, 'exp/20250101_solver/logs'),
      ids: ['a__a-2'],
      model: '20250101_solver',
    });
  });

  test('are refused where there is none, or the run is not clear', async () => {
    await put('none/logs/b__b-1/patch.diff');
    await expect(findLogs(join(work, 'none'), known)).rejects.toThrow(
      'no folder in it is named by an instance',
    );
    await put('two/r1/m/a__a-1/patch.diff');
    await put('two/r2/m/a__a-1/patch.diff');
    await expect(findLogs(join(work, 'two'), known)).rejects.toThrow('has the logs of several runs');
  });

  test('give patch, log, what their report says, and why a patch did not apply', async () => {
    await put('one/a__a-1/patch.diff', 'diff');
    await put('one/a__a-1/test_output.txt', 'log');
    await put('one/a__a-1/report.json', '{"a__a-1": {"resolved": true}}');
    await put('one/a__a-2/report.json', '{"resolved": false}');
    await put('one/a__a-2/run_instance.log', 'INFO\n>>>>> Patch Apply Failed:\nerror: no such file\n');
    expect(await readPublishedLog(join(work, 'one'), 'a__a-1')).toEqual({
      patch: 'diff',
      log: Buffer.from('log'),
      resolved: true,
      applyFailure: undefined,
    });
    expect(await readPublishedLog(join(work, 'one'), 'a__a-2')).toEqual({
      patch: undefined,
      log: undefined,
      resolved: false,
      applyFailure: 'error: no such file\n',
    });
  });
});
