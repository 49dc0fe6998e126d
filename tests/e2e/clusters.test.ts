import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readRun } from '../../src/run/folder.js';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';

const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
const TEMPLATE = join(packageRoot(), 'docs', 'clusters', 'slurm-array.sh');
const MAIN = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-clusters-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** What reports are made of, but for times. */
async function results(folder: string) {
  const { manifest, instances, verdicts } = await readRun(join(work, folder));
  const { dataset, datasetSha256, predictionsSha256, profile, options } = manifest.settings;
  return {
    settings: { dataset, datasetSha256, predictionsSha256, profile, options },
    instances,
    verdicts: verdicts.map(({ seconds: _, finishedAt: __, strict, ...verdict }) => [
      verdict,
      strict?.resolved,
      strict?.reason,
    ]),
  };
}

const official = (folder: string) =>
  readFile(join(work, folder, 'mixed-sample.sample.mixed-sample.json'), 'utf8');

describe('the template of a Slurm job array', () => {
  const FLAGS = '--repo assay-sample/tabula -t 5';
  const template = async (role: string, env: Readonly<Record<string, string>> = {}) => {
    const child = spawn('bash', [TEMPLATE, role], {
      cwd: work,
      env: {
        ...{
          PATH: `${join(work, 'bin')}:${process.env['PATH']}`,
          HOME: work,
          NODE_CACHE: join(work, 'cache'),
        },
        ...{ ASSAY: `${process.execPath} ${MAIN}`, DATASET: 'sample', PREDICTIONS, FLAGS },
        ...{ SHARDS: '3', RUN: join(work, 'run'), ...env },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { code, stdout, stderr };
  };
  const shard = (index: number, env = {}) =>
    template('shard', { SLURM_ARRAY_TASK_ID: String(index), ...env });

  test('submits the shards as an array, and the merge to run after all of them', async () => {
    await mkdir(join(work, 'bin'));
    const sbatch = join(work, 'bin', 'sbatch');
    await writeFile(
      sbatch,
      `#!/bin/bash\necho "$@" >> ${work}/submitted\necho "7$(wc -l < ${work}/submitted);here"\n`,
    );
    await chmod(sbatch, 0o755);
    expect(await template('submit')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^array 71, then merge 72;/),
    });
    const [array, merge] = (await readFile(join(work, 'submitted'), 'utf8')).split('\n');
    expect(array).toMatch(/ --array=1-3 .*slurm-array\.sh shard$/);
    expect(merge).toMatch(/ --dependency=afterany:71 .*slurm-array\.sh merge$/);
  });

  test('merges its shards into the run of one machine; one that is missing makes the report incomplete', async () => {
    expect(await shard(1)).toMatchObject({ code: 0 });
    expect(await shard(3)).toMatchObject({ code: 0 });
    const early = await template('merge');
    expect(early.code).toBe(4);
    expect(early.stderr).toMatch(/warning: shard 2\/3 is missing: [1-9]\d* attempts without a verdict/);
    expect(early.stdout).toMatch(/of 11 instances(.|\n)*INCOMPLETE: \d planned attempts? without a verdict/);
    expect(await readFile(join(work, 'run', 'report.md'), 'utf8')).toMatch(/^# INCOMPLETE: /);

    expect(await shard(2)).toMatchObject({ code: 0 });
    expect(await template('merge')).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('warning'),
    });
    expect((await readdir(work)).filter((name) => name.startsWith('run.before-'))).toHaveLength(1);
    await run('eval', 'sample', '-p', PREDICTIONS, ...FLAGS.split(' '), '--cpus', '1', '-q', '-o', 'whole');
    expect(await results('run')).toEqual(await results('whole'));
    expect(await official('run')).toEqual(await official('whole'));
  });

  test('a task that is started again on another node goes on; what only looks like one is refused', async () => {
    const folder = join(work, 'run.shards', '1-of-3');
    const [first] = (await readRun(folder)).verdicts;
    await rm(join(folder, 'i', first?.instanceId ?? '', '1', 'verdict.json'));
    await writeFile(join(folder, 'lock'), '{"pid":7,"started":"1","host":"node-of-another-name"}');
    const other = await shard(1);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining('process 7 of host node-of-another-name'),
    ]);
    expect(await shard(1, { SLURM_RESTART_COUNT: '1' })).toMatchObject({ code: 0 });
    expect((await readRun(folder)).verdicts.map(({ key }) => key)).toContain(first?.key);
  });
});

describe('merge', () => {
  const TEMPO = ['eval', 'sample', '--gold', '--repo', 'assay-sample/tempo', '-q'];
  const FEW = [...TEMPO, '-n', '4'];

  test('of a part is a run that goes on: retry evaluates what the missing shards would have', async () => {
    const { stdout } = await run(...FEW, '--shard', '1/2');
    expect(stdout).toContain('Report: runs/sample.gold.1-of-2/report.md');
    expect((await run('merge', 'runs/sample.gold.1-of-2', '-o', 'part')).code).toBe(4);
    const { code, stdout: whole } = await run('retry', 'part', '-q');
    expect([code, whole]).toEqual([0, expect.stringContaining('100.0 %  (4 of 4 instances')]);
  });

  test('says which shard is not finished', async () => {
    await run(...FEW, '--shard', '2/2', '-o', 'half');
    const [first] = (await readRun(join(work, 'half'))).verdicts;
    await rm(join(work, 'half', 'i', first?.instanceId ?? ''), { recursive: true });
    const { code, stderr } = await run('merge', 'runs/sample.gold.1-of-2', 'half', '-o', 'unfinished');
    expect([code, stderr]).toEqual([
      4,
      expect.stringContaining('shard 2/2 (half) is not finished: 1 attempts'),
    ]);
  });

  test('takes a shard into which no instance falls', async () => {
    const shards = ['1', '2'].map((index) => [`--shard=${index}/2`, '-o', `one${index}`]);
    for (const flags of shards) expect(await run(...TEMPO, '-n', '1', ...flags)).toMatchObject({ code: 0 });
    const sizes = await Promise.all(
      ['one1', 'one2'].map(async (name) => (await results(name)).instances.length),
    );
    expect(sizes.toSorted()).toEqual([0, 1]);
    const { code, stdout } = await run('merge', 'one1', 'one2', '-o', 'one');
    expect([code, stdout]).toEqual([0, expect.stringContaining('100.0 %  (1 of 1 instance')]);
  });

  test.each([
    [
      'the same shard twice',
      ['--shard', '1/2'],
      /^assay: .*1-of-2 and other are both shard 1\/2: leave one out/,
    ],
    ['a shard of another split', ['--shard', '1/9'], /is one of 2 shards, other one of 9/],
    ['another profile', ['--shard', '2/2', '--profile', 'v4.1'], /profile\n +was "v5"\n +now "v4.1"/],
    ['another selection', ['--shard', '2/2', '--shuffle', '3'], /options.shuffle\n +was not given\n +now 3/],
  ])('refuses %s, and says so', async (_, flags, expected) => {
    await rm(join(work, 'other'), { recursive: true, force: true });
    expect((await run(...FEW, ...flags, '-o', 'other')).code).toBe(0);
    const { code, stderr } = await run('merge', 'runs/sample.gold.1-of-2', 'other', '-o', 'refused');
    expect([code, stderr]).toEqual([2, expect.stringMatching(expected)]);
  });

  test('refuses shards of another dataset and of other predictions', async () => {
    const rows = (await readFile(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8')).split(
      '\n',
    );
    await writeFile(join(work, 'rows.jsonl'), rows.slice(1).join('\n'));
    const lines = (await readFile(PREDICTIONS, 'utf8')).split('\n');
    await writeFile(join(work, 'preds.jsonl'), lines.slice(1).join('\n'));
    const few = ['--repo', 'assay-sample/tabula', '-n', '2', '-t', '5', '-q'];
    await run('eval', 'sample', '-p', PREDICTIONS, ...few, '--shard', '1/2', '-o', 'p1');
    await run('eval', 'sample', '-p', 'preds.jsonl', ...few, '--shard', '2/2', '-o', 'p2');
    await run(
      'eval',
      'rows.jsonl',
      '-p',
      PREDICTIONS,
      '--ignore-unknown',
      ...few,
      '--shard',
      '2/2',
      '-o',
      'p3',
    );
    expect((await run('merge', 'p1', 'p2', '-o', 'refused')).stderr).toMatch(/ {2}predictionsSha256\n/);
    expect((await run('merge', 'p1', 'p3', '-o', 'refused')).stderr).toMatch(/ {2}datasetSha256\n/);
  });
});
