import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';

const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');
let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-e2e-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
});
afterAll(() => rm(work, { recursive: true, force: true }));

const lines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the commands, on the bundled benchmark', () => {
  test('eval prints the table on stdout, progress on stderr, and writes the reports', async () => {
    const { code, stdout, stderr } = await run(
      'eval',
      'sample',
      '--gold',
      '--repo',
      'assay-sample/tabula',
      '-n',
      '2',
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('Pass@1  100.0 %  (2 of 2 instances');
    expect(stdout).not.toContain('-j 1');
    for (const name of [
      'report.md',
      'report.json',
      'report.csv',
      'gold.sample.gold.json',
      'run.json',
      'events.jsonl',
    ])
      expect([name, existsSync(join(work, 'runs', 'sample.gold', name))]).toEqual([name, true]);
  });

  test('eval --json prints a start record, a verdict for each attempt and an end record, and nothing else', async () => {
    const { stdout } = await run(
      'eval',
      'sample',
      '--gold',
      '--json',
      '-n',
      '2',
      '-k',
      '2',
      '--run-id',
      'json',
    );
    expect(lines(stdout).map(({ type }) => type)).toEqual([
      'run_start',
      ...Array(4).fill('verdict'),
      'run_end',
    ]);
  });

  test('the untouched tree fails every instance', async () => {
    const { stdout } = await run('eval', 'sample', '--empty', '--json', '-n', '3');
    const verdicts = lines(stdout).flatMap(({ type, verdict }) => (type === 'verdict' ? [verdict] : []));
    expect(verdicts).toEqual(
      Array(3).fill(expect.objectContaining({ outcome: 'unresolved', reason: 'tests_failed' })),
    );
  });

  test('shards merge into the run that one machine would have made; regrade and report need no engine', async () => {
    const flags = ['-p', PREDICTIONS, '--repo', 'assay-sample/tabula', '-t', '5', '-q'];
    await run('eval', 'sample', ...flags, '--shard', '1/2', '-o', 's1');
    await run('eval', 'sample', ...flags, '--shard', '2/2', '-o', 's2');
    await run('eval', 'sample', ...flags, '-o', 'whole');
    expect((await run('merge', 's1', 's2', '-o', 'all')).code).toBe(0);
    const rows = async (folder: string) =>
      (await readFile(join(work, folder, 'report.csv'), 'utf8'))
        .split('\n')
        .map((row) => row.split(',').slice(0, 6));
    expect(await rows('all')).toEqual(await rows('whole'));

    const regraded = await run('regrade', 'all', '--profile', 'v4.1', '-o', 'v4');
    expect(regraded.stderr).toContain('verdicts changed under v4.1');
    expect(regraded.stdout).toContain('profile v4.1');

    const submission = await run('report', 'all', '-f', 'submission', '-o', 'out', '--json');
    const files = (lines(submission.stdout)[0]?.['files'] ?? []) as string[];
    expect(files.some((path) => path.endsWith('all_preds.jsonl'))).toBe(true);
    for (const path of files) expect([path, existsSync(join(work, 'out', path))]).toEqual([path, true]);

    const shown = await run('show', 'all', 'assay-sample__tabula-2');
    expect(shown.stdout).toMatch(/^invalid +assay-sample__tabula-2 #1 {2}empty_patch/);
  });

  test('--fail-under sets exit code 5, and --dry-run runs nothing', async () => {
    expect((await run('eval', 'sample', '--empty', '-n', '3', '--fail-under', '0.1')).code).toBe(5);
    const dry = await run('eval', 'sample', '--gold', '-n', '1', '--dry-run', '--run-id', 'dry');
    expect([dry.code, dry.stdout.split('\t').length, existsSync(join(work, 'runs', 'dry'))]).toEqual([
      0,
      3,
      false,
    ]);
  });

  test('retry does again what is asked for, in place, and keeps the old attempt', async () => {
    const id = 'assay-sample__tempo-5';
    await run('eval', 'sample', '-p', PREDICTIONS, '-i', id, '-t', '2', '-q', '-o', 'slow');
    const again = await run('retry', 'slow', '--only', 'timeout', '-q');
    expect(again.stderr).toContain('1 attempts to retry');
    expect((await run('show', 'slow', '--json')).stdout).toContain('"attempts":{"planned":1,"judged":1}');
  });

  test('help of every command has an example and fits the terminal', async () => {
    for (const command of [
      'eval',
      'retry',
      'regrade',
      'merge',
      'report',
      'show',
      'compare',
      'runs',
      'runs import',
      'dataset',
      ...['list', 'show', 'check', 'filter'].map((action) => `dataset ${action}`),
      'images',
      ...['plan', 'build', 'check', 'pull', 'push', 'list', 'prune', 'export', 'import'].map(
        (action) => `images ${action}`,
      ),
      'validate',
      'prove',
      'shell',
      'doctor',
      'gc',
      ...['list', 'show', 'rm'].map((action) => `runs ${action}`),
      ...['show', 'check'].map((action) => `config ${action}`),
      'completion',
    ]) {
      const { stdout, code } = await run(...command.split(' '), '--help');
      expect([command, code, stdout.includes('Examples:')]).toEqual([command, 0, true]);
    }
  });
});
