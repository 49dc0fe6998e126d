import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';

const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const REPO = ['--repo', 'assay-sample/tabula'];
let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;

const json = async (path: string) => JSON.parse(await readFile(join(work, path), 'utf8'));
const verdict = (folder: string, id: string) => json(`${folder}/i/${id}/1/verdict.json`);
const outcomesOf = async (folder: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await json(`${folder}/report.json`)).instances.map(
      ({ instanceId, attempts }: { instanceId: string; attempts: { outcome: string }[] }) => [
        instanceId,
        attempts[0]?.outcome ?? 'none',
      ],
    ),
  );

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-import-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
  await run('eval', 'sample', '-p', PREDICTIONS, ...REPO, '--no-strict', '-t', '5', '-q', '-o', 'whole');
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('assay runs import', () => {
  test('makes of a report of the harness a run with the same report', async () => {
    const { model } = (await json('whole/run.json')).settings;
    const file = `${model}.sample.${model}.json`;
    await run('runs', 'import', `whole/${file}`, '-d', 'sample', ...REPO, '--model', model, '-o', 'again');
    const [before, after] = [await json(`whole/${file}`), await json(`again/${file}`)];
    for (const key of [
      'submitted_ids',
      'resolved_ids',
      'unresolved_ids',
      'error_ids',
      'empty_patch_ids',
      'completed_ids',
    ])
      expect([key, after[key]]).toEqual([key, before[key]]);
    const { settings, machine } = await json('again/run.json');
    expect(settings).toMatchObject({ engine: 'imported', graderVersion: 'published', timeoutSeconds: 0 });
    expect(machine).toEqual({ imported: { source: `whole/${file}`, format: 'harness report' } });
  });

  test('grades logs that lie as the reference lays them out, and finds what the run itself found', async () => {
    const outcomes = await outcomesOf('whole');
    const folder = 'ref/logs/run_evaluation/run1/acme__solver';
    for (const id of Object.keys(outcomes)) {
      const attempt = join(work, 'whole', 'i', id, '1');
      await mkdir(join(work, folder, id), { recursive: true });
      await cp(join(attempt, 'patch.diff'), join(work, folder, id, 'patch.diff'));
      const log = await readFile(join(attempt, 'test.log.gz')).catch(() => undefined);
      if (log !== undefined) await writeFile(join(work, folder, id, 'test_output.txt'), gunzipSync(log));
    }
    const imported = await run('runs', 'import', 'ref', '-d', 'sample', ...REPO, '-o', 'logs');
    expect(imported.code).toBe(0);
    expect(imported.stdout).toContain('acme__solver on instances.jsonl');
    const found = await outcomesOf('logs');
    const differ = Object.keys(outcomes).filter((id) => found[id] !== outcomes[id]);
    // A patch that did not apply leaves neither log nor report: nobody says so.
    expect(differ.map((id) => outcomes[id])).toEqual(differ.map(() => 'invalid'));
    const compared = await run('compare', 'whole', 'logs');
    expect(compared.stdout).toContain('B - A  0.0 points');
    expect(compared.stdout).toContain('imported, not run here: B');
    const regraded = await run('regrade', 'logs', '--profile', 'v4.1', '-o', 'logs-v4');
    expect(regraded.code).toBe(0);
    expect((await run('compare', 'whole', 'logs-v4')).stderr).toContain('grading profile: v5 in');
  });

  test('warns of a log that says another thing than its report.json, and takes a report without a log as it is', async () => {
    const [one = '', two = '', three = ''] = Object.entries(await outcomesOf('whole'))
      .filter(([, outcome]) => outcome === 'resolved')
      .map(([id]) => id);
    for (const [id, name] of [
      [one, 'test_output.txt'],
      [two, 'report.json'],
      [three, 'run_instance.log'],
    ] as const) {
      const path = join(work, 'exp', 'solver', 'logs', id, name);
      await mkdir(dirname(path), { recursive: true });
      const log = gunzipSync(await readFile(join(work, 'whole', 'i', one, '1', 'test.log.gz')));
      await writeFile(
        path,
        name === 'report.json'
          ? '{"resolved": true}'
          : name === 'test_output.txt'
            ? log
            : '>>>>> Patch Apply Failed:\nerror: x\n',
      );
    }
    await writeFile(
      join(work, 'exp', 'solver', 'logs', one, 'report.json'),
      `{"${one}": {"resolved": false}}`,
    );
    const { stderr, stdout } = await run('runs', 'import', 'exp', '-d', 'sample', ...REPO, '-o', 'exp-run');
    expect(stderr).toContain(
      `warning: 1 of 3 logs say another outcome under v5 than the report.json beside them: ${one}`,
    );
    expect(stdout).toContain(
      'imported, not run here: 1 outcome taken as published, 2 graded from what was published',
    );
    expect(stdout).toContain('instances without a prediction');
    expect(await verdict('exp-run', one)).toMatchObject({
      outcome: 'resolved',
      reason: 'tests_passed',
      patchSha256: 'unknown',
      notes: expect.arrayContaining(['published_differs: its report.json says not resolved']),
    });
    expect(await verdict('exp-run', two)).toMatchObject({
      outcome: 'resolved',
      reason: 'published',
      graderVersion: 'published',
    });
    expect(await verdict('exp-run', three)).toMatchObject({ outcome: 'invalid', reason: 'apply_failed' });
  });

  test('keeps the patches that are given along, and tells with them what was not submitted', async () => {
    const ids = Object.keys(await outcomesOf('whole'));
    const [first = '', second = ''] = ids;
    await writeFile(join(work, 'ids.json'), JSON.stringify([first]));
    const predictions = [
      {
        instance_id: first,
        model_name_or_path: 'm',
        model_patch: 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n',
      },
      { instance_id: second, model_name_or_path: 'm', model_patch: '' },
    ];
    await writeFile(join(work, 'preds.json'), JSON.stringify(predictions));
    const flags = ['-d', 'sample', ...REPO, '-p', 'preds.json', '-o', 'own', '--json'];
    const { stdout } = await run('runs', 'import', 'ids.json', ...flags);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ folder: join(work, 'own'), format: 'list of resolved ids', verdicts: 2, differing: [] },
      passAt1: { score: 1, instances: ids.length },
    });
    const outcomes = await outcomesOf('own');
    expect([outcomes[first], outcomes[second]]).toEqual(['resolved', 'invalid']);
    expect(Object.values(outcomes).filter((outcome) => outcome === 'none')).toHaveLength(ids.length - 2);
    expect((await run('show', 'own', first, '--patch')).stdout).toContain('+++ b/x');
  });

  test('says what is wrong with a source, and what an imported run can not do', async () => {
    await writeFile(join(work, 'list.json'), '["assay-sample__tabula-1"]');
    const none = await run('runs', 'import', 'list.json', '-d', 'sample');
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('names no model: give it with --model'),
    ]);
    await writeFile(join(work, 'other.json'), '["assay-sample__tabula-1x"]');
    const other = await run('runs', 'import', 'other.json', '-d', 'sample', '--model', 'm');
    expect(other.stderr).toContain('did you mean assay-sample__tabula-1');
    expect((await run('runs', 'import', 'nowhere', '-d', 'sample')).stderr).toContain('there is no nowhere');
    expect(
      (await run('runs', 'import', 'list.json', '-d', 'sample', '--model', 'm', '-o', 'taken')).code,
    ).toBe(0);
    const twice = await run('runs', 'import', 'list.json', '-d', 'sample', '--model', 'm', '-o', 'taken');
    expect(twice.stderr).toContain('holds a run already');
    expect((await run('regrade', 'taken')).stderr).toContain('published outcomes without logs');
    expect((await run('retry', 'taken')).stderr).toContain('was imported');
  });
});
