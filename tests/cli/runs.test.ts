import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { reporters } from '../../reports/index.js';
import { listRuns, type RunEntry } from '../../src/cli/runs-list.js';
import { removeRuns } from '../../src/cli/runs-remove.js';
import { type RunResults, summarise } from '../../src/index.js';
import { copyRun } from '../../src/run/copy.js';
import { FILES } from '../../src/run/folder.js';
import { takeLock } from '../../src/util/lock.js';
import { testHost } from '../helpers/host.js';
import { instance, MIXED, PULL_LIMITED, runResults, verdict } from '../reports/run-results.js';

let work = '';
let host: ReturnType<typeof testHost>;
beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-runs-'));
  host = testHost(work);
});
afterEach(() => rm(work, { recursive: true, force: true }));

/** A run folder of these results, with its report unless it was stopped before. */
async function makeRun(name: string, results: RunResults, { reported = true } = {}): Promise<string> {
  const to = join(work, 'runs', name);
  const { manifest, instances, verdicts } = results;
  const attempts = verdicts.map((one) => ({ verdict: one, from: join(work, 'nowhere') }));
  await copyRun({ to, manifest, instances, attempts, owner: host.self });
  if (reported)
    for (const { path, content } of reporters.json(results, summarise(results)))
      await writeFile(join(to, path), content);
  return to;
}

async function list(folder?: string): Promise<RunEntry[]> {
  host.printed.length = 0;
  await listRuns({ folder, json: true }, host);
  return host.printed.map((line) => JSON.parse(line) as RunEntry);
}

const DONE = runResults(
  [instance('a__a-1'), instance('a__a-2')],
  [verdict('a__a-1'), verdict('a__a-2', { outcome: 'unresolved' })],
);

describe('assay runs list', () => {
  test('has a line for each run with Pass@1, its interval and how far it is', async () => {
    await makeRun('done', DONE);
    await makeRun('mixed', MIXED);
    expect(await list()).toMatchObject([
      {
        folder: 'runs/done',
        kind: 'run',
        dataset: 'verified',
        model: 'acme/solver',
        profile: 'v5',
        judged: 2,
        planned: 2,
        rate: 0.5,
        infraErrors: 0,
        state: 'done',
      },
      { folder: 'runs/mixed', judged: 7, planned: 8, infraErrors: 1, state: 'incomplete' },
    ]);
    host.printed.length = 0;
    await listRuns({ json: false }, host);
    expect(host.printed.join('\n')).toMatch(
      /runs\/done +verified +acme\/solver +v5 +2\/2 +50\.0 % +9\.5 to 90\.5 % +0 +done/,
    );
  });

  test('says the same from the report as from the verdicts, and reads those where the report is older', async () => {
    const folder = await makeRun('a', DONE);
    const [reported] = await list();
    await utimes(join(folder, FILES.report), 0, 0);
    await writeFile(join(folder, FILES.report), '{}');
    await utimes(join(folder, FILES.report), 0, 0);
    expect(await list()).toEqual([reported]);
  });

  test('tells a run that was stopped from one that ended with something missing', async () => {
    const half = runResults(DONE.instances, DONE.verdicts.slice(0, 1));
    await makeRun('ended', half);
    await makeRun('stopped', half, { reported: false });
    const infra = runResults([instance('a__a-1')], [verdict('a__a-1', PULL_LIMITED)]);
    await makeRun('infra', infra);
    const states = (await list()).map(({ folder, ...entry }) => [
      folder,
      'state' in entry ? entry.state : undefined,
    ]);
    expect(Object.fromEntries(states)).toEqual({
      'runs/ended': 'incomplete',
      'runs/stopped': 'interrupted',
      'runs/infra': 'incomplete',
    });
  });

  test('names the process that works in a run, and none that has ended', async () => {
    const folder = await makeRun('a', DONE);
    const lock = join(folder, FILES.lock);
    const release = await takeLock(lock, host.self);
    expect(await list()).toMatchObject([{ state: 'running', pid: host.self.pid }]);
    await release();
    await writeFile(lock, JSON.stringify({ pid: host.self.pid, started: 'before' }));
    expect(await list()).toMatchObject([{ state: 'done' }]);
    await writeFile(lock, JSON.stringify({ pid: 1, started: '1', host: 'elsewhere' }));
    expect(await list()).toMatchObject([{ state: 'running', pid: 1, host: 'elsewhere' }]);
  });

  test('a damaged folder is a line with the reason, a folder of something else is none', async () => {
    await makeRun('good', DONE);
    const torn = await makeRun('torn', DONE);
    await writeFile(join(torn, FILES.manifest), '{"schemaVersion": 1');
    await rm(join(torn, FILES.report));
    const half = await makeRun('half', DONE);
    await rm(join(half, FILES.manifest));
    await rm(join(half, FILES.report));
    await mkdir(join(work, 'runs', 'notes'));
    await writeFile(join(work, 'runs', 'file'), '');
    const entries = await list();
    expect(entries.map(({ folder }) => folder).sort()).toEqual(['runs/good', 'runs/half', 'runs/torn']);
    expect(entries).toContainEqual({
      folder: 'runs/torn',
      kind: 'damaged',
      code: 'run_damaged',
      reason: expect.stringContaining('is not JSON'),
    });
    expect(entries).toContainEqual({
      folder: 'runs/half',
      kind: 'damaged',
      code: 'run_not_found',
      reason: expect.stringContaining('run.json'),
    });
  });

  test('has trainings with their last iteration', async () => {
    const folder = join(work, 'runs', 'stage1');
    await mkdir(folder, { recursive: true });
    const entry = (iteration: number) =>
      JSON.stringify({ type: 'iteration', iteration, metrics: { 'rollout/pass_at_1': iteration / 10 } });
    await writeFile(join(folder, 'journal.jsonl'), `${entry(1)}\n${entry(2)}\n{"type":"st`);
    await writeFile(
      join(folder, 'settings.json'),
      JSON.stringify({ dataset: { name: 'rebench' }, model: { folder: '/models/m' } }),
    );
    expect(await list()).toMatchObject([
      {
        kind: 'training',
        method: 'dapo',
        dataset: 'rebench',
        model: 'm',
        done: 'iteration 2',
        rate: 0.2,
        state: 'stopped',
      },
    ]);
    await writeFile(join(folder, 'journal.jsonl'), 'not json\n');
    expect(await list()).toMatchObject([{ kind: 'damaged', code: 'run_damaged' }]);
  });

  test('lists one run by its own folder, refuses what is not there, and has nothing to say of an empty place', async () => {
    await makeRun('a', DONE);
    expect(await list('runs/a')).toHaveLength(1);
    await expect(list('nowhere')).rejects.toMatchObject({ code: 'usage' });
    await rm(join(work, 'runs'), { recursive: true });
    expect(await list()).toEqual([]);
    expect(host.said.join()).toContain('no run in runs');
  });

  test('text of a stranger stays in its cell', async () => {
    await makeRun('a', runResults([instance('a__a-1')], [verdict('a__a-1')], { model: 'x\ny\t\u001b[2J' }));
    host.printed.length = 0;
    await listRuns({ json: false }, host);
    expect(host.printed.join('\n').split('\n')).toHaveLength(2);
  });
});

describe('assay runs rm', () => {
  const remove = (args: object) => removeRuns({ yes: false, 'dry-run': false, json: false, ...args }, host);

  test('asks for --yes, and removes nothing before or with --dry-run', async () => {
    const folder = await makeRun('a', DONE);
    const before = await readdir(folder);
    await expect(remove({ runs: ['runs/a'] })).rejects.toThrow(/runs\/a: removed for good with --yes/);
    await remove({ runs: ['runs/a'], 'dry-run': true });
    expect(host.printed.join()).toMatch(/^runs\/a {2}[\d.]+ KiB would be freed$/);
    expect(await readdir(folder)).toEqual(before);
  });

  test('removes the runs and says what was freed', async () => {
    await makeRun('a', DONE);
    await makeRun('b', DONE);
    await remove({ runs: ['runs/a', 'runs/b'], yes: true, json: true });
    expect(host.printed.map((line) => JSON.parse(line))).toEqual([
      { folder: 'runs/a', freedBytes: expect.any(Number), dryRun: false },
      { folder: 'runs/b', freedBytes: expect.any(Number), dryRun: false },
    ]);
    expect(await readdir(join(work, 'runs'))).toEqual([]);
  });

  test('refuses a folder that is no run, before anything goes', async () => {
    await makeRun('a', DONE);
    await mkdir(join(work, 'mine'));
    await expect(remove({ runs: ['runs/a', 'mine'], yes: true })).rejects.toMatchObject({
      code: 'run_not_found',
    });
    expect(existsSync(join(work, 'runs', 'a'))).toBe(true);
  });

  test('refuses a run that a process works in', async () => {
    const folder = await makeRun('a', DONE);
    const release = await takeLock(join(folder, FILES.lock), host.self);
    await expect(remove({ runs: ['runs/a'], yes: true })).rejects.toMatchObject({ code: 'run_locked' });
    expect(existsSync(join(folder, FILES.manifest))).toBe(true);
    await release();
  });
});
