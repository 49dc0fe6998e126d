import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rowOf, type Task } from '../../plugins/oracles/harbor/index.js';
import { assay } from '../helpers/cli.js';
import { exported, instanceOf, ROWS, type Row, rowNamed, SECRET, textOf } from '../helpers/harbor.js';

const HOSTILE =
  'a"b\'c\\ $(touch pwned) `id` $X """\n[verifier]\nEOF\n\x7f\x1b\u2028 é \ud800 # <!-- canary -->';
let work = '';
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-harbor-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const reader = (task: Task) => async (path: string) => textOf(task, path);

describe('an exported task', () => {
  test('has the files that Harbor asks for, and scripts that can be run', () => {
    const { files, tree } = exported(rowNamed(SECRET));
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        ...['task.toml', 'instruction.md', 'environment/Dockerfile'],
        ...['tests/test.sh', 'solution/solve.sh', 'solution/gold.patch'],
      ]),
    );
    expect(files.filter(({ isExecutable }) => isExecutable).map(({ path }) => path)).toEqual([
      'tests/test.sh',
      'tests/eval.sh',
      'solution/solve.sh',
    ]);
    expect(tree).toMatch(/datasets\/sample\/repos\/tempo$/);
  });

  test.each(ROWS.map((row) => [String(row['instance_id']), row] as const))(
    'shows the agent of %s neither the answer nor the tests',
    (_, row) => {
      const instance = instanceOf(row);
      const task = exported(row);
      const seen = task.files.filter(({ path }) => !/^(tests|solution)\//.test(path));
      const secrets = [instance.patch, instance.testPatch, ...instance.failToPass];
      for (const { path, content } of seen)
        for (const secret of secrets) expect([path, content.includes(secret)]).toEqual([path, false]);
      const closed = exported(row, { hasSolution: false });
      const added = instance.patch.split('\n').filter((line) => /^\+[^+].{20}/.test(line));
      for (const { path, content } of closed.files)
        for (const line of [instance.patch, JSON.stringify(instance.patch), ...added])
          expect([path, content.includes(line)]).toEqual([path, false]);
    },
  );

  test('of an instance with a published image is made from it and needs a service', () => {
    const task = exported(rowNamed(SECRET), {
      spec: { recipe: undefined, images: ['own:latest', 'ghcr.io/o/published:v1'] },
    });
    expect(textOf(task, 'environment/Dockerfile')).toMatch(
      /^FROM ghcr\.io\/o\/published:v1\nWORKDIR \/testbed\n/,
    );
    expect(task).toMatchObject({ gradesItself: false });
    expect(task.files.some(({ path }) => path.startsWith('tests/grader/'))).toBe(false);
  });

  test('is refused where an image or a path of the row would be a line of the Dockerfile', () => {
    for (const changes of [
      { spec: { recipe: undefined, images: ['evil\nRUN touch /pwned'] } },
      { spec: { recipe: undefined, images: ['--platform=x evil'] } },
      { base: 'base AS x' },
      { spec: { workdir: '/a b' } },
      { spec: { workdir: "/a'b" } },
    ])
      expect(() => exported(rowNamed(SECRET), changes)).toThrow(
        expect.objectContaining({ code: 'unsupported_row' }),
      );
  });

  const hasToml = spawnSync('python3', ['-c', 'import tomllib']).status === 0;
  if (!hasToml) process.stderr.write('Skipped reading task.toml: needs python3 3.11 or newer in PATH.\n');
  (hasToml ? test : test.skip)('says what the row says in TOML, whatever that is', () => {
    const hostile = { difficulty: HOSTILE, version: HOSTILE, language: HOSTILE };
    const toml = textOf(exported(rowNamed(SECRET), { instance: hostile }), 'task.toml') ?? '';
    const program = 'import sys, tomllib, json; print(json.dumps(tomllib.load(sys.stdin.buffer)))';
    const read = spawnSync('python3', ['-c', program], { input: toml, encoding: 'utf8' });
    expect(read.stderr).toBe('');
    const said = HOSTILE.replace('\ud800', '\ufffd');
    expect(JSON.parse(read.stdout)).toMatchObject({
      metadata: { difficulty: said, version: said, language: said, instance_id: SECRET },
      verifier: { environment_mode: 'separate', env: { ASSAY_URL: `\${ASSAY_URL:-}` } },
    });
  });
});

describe('importing', () => {
  test.each(ROWS.map((row) => [String(row['instance_id']), row] as const))(
    'gives the instance of %s back',
    async (_, row) => {
      expect(instanceOf(await rowOf(reader(exported(row)), 'x'))).toEqual(instanceOf(row));
    },
  );

  test('gives a row of hostile texts back', async () => {
    const text = HOSTILE.replace('\ud800', '');
    const row = { ...rowNamed(SECRET), problem_statement: text, patch: text, hints_text: text };
    expect(await rowOf(reader(exported(row)), 'x')).toEqual(row);
  });

  test('says of each task that is no row why', async () => {
    const task = exported(rowNamed(SECRET));
    const without = (lost: string) => async (path: string) =>
      path === lost ? undefined : textOf(task, path);
    const changed = async (path: string) => (path === 'solution/gold.patch' ? 'another' : textOf(task, path));
    const broken = async (path: string) => (path === 'tests/row.json' ? '{"row": 1}' : textOf(task, path));
    for (const [read, message] of [
      [without('task.toml'), 'x has no task.toml'],
      [without('tests/row.json'), 'assay did not export'],
      [without('solution/gold.patch'), '--no-solution'],
      [changed, 'was changed after the export'],
      [broken, 'holds no row'],
    ] as const)
      await expect(rowOf(read, 'x')).rejects.toMatchObject({
        code: 'bad_task',
        message: expect.stringContaining(message),
      });
  });
});

describe('assay harbor', () => {
  const run = (...args: string[]) => assay(args, { cwd: work, cache: join(work, 'cache') });

  test('exports tasks that import makes the same rows of, and writes none twice', async () => {
    const ids = [SECRET, 'assay-sample__pennybook-1'];
    const chosen = ids.flatMap((id) => ['-i', id]);
    const made = await run('harbor', 'export', 'sample', '-o', 'tasks', '--json', ...chosen);
    expect(JSON.parse(made.stdout)).toMatchObject({ tasks: 2, gradeThemselves: 2 });
    const tree = join(work, 'tasks', SECRET, 'environment', 'tree');
    expect(existsSync(join(tree, 'src', 'interval.js'))).toBe(true);
    expect(await run('harbor', 'import', 'tasks', '-o', 'rows.jsonl')).toMatchObject({ code: 0 });
    const rows = (await readFile(join(work, 'rows.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(rows.map((line) => JSON.parse(line) as Row)).toEqual([...ids].sort().map(rowNamed));
    const again = await run('harbor', 'export', 'sample', '-o', 'tasks', ...chosen);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('exists: remove it') });
  });

  test('import counts what is no row, says why, and writes the rest', async () => {
    await run('harbor', 'export', 'sample', '-o', 'mixed', '-i', SECRET);
    await run('harbor', 'export', 'sample', '-o', 'mixed', '--no-solution', '-i', 'assay-sample__tempo-2');
    await mkdir(join(work, 'mixed', 'foreign', 'tests'), { recursive: true });
    await writeFile(join(work, 'mixed', 'foreign', 'task.toml'), '');
    await writeFile(join(work, 'mixed', 'foreign', 'tests', 'test.sh'), 'echo 1 >/logs/verifier/reward.txt');
    const { code, stdout, stderr } = await run('harbor', 'import', 'mixed', '-o', 'some.jsonl');
    expect({ code, stdout }).toEqual({
      code: 2,
      stdout: "1 rows in some.jsonl; 2 of 3 tasks can't be rows\n",
    });
    expect(stderr).toMatch(/foreign is a Harbor task that assay did not export: .*\[bad_task\]/);
    expect(stderr).toMatch(/tempo-2 was exported with --no-solution/);
    const none = await run('harbor', 'import', 'mixed/foreign', '-o', 'none.jsonl', '--json');
    expect({ ...none, stdout: JSON.parse(none.stdout) as unknown }).toMatchObject({
      code: 2,
      stdout: { rows: 0, failed: 1 },
    });
    expect(existsSync(join(work, 'none.jsonl'))).toBe(false);
  });
});
