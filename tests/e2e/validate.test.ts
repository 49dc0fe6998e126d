import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';
import { assay } from '../helpers/cli.js';

const FIRST = 'assay-sample__pennybook-1';
let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-validate-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('assay validate, on the bundled benchmark', () => {
  test('finds its instances valid, writes a dated file, and does not repeat itself', async () => {
    const first = await run('validate', 'sample', '--epochs', '2', '-n', '3', '-q');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('valid               3\n');
    expect(first.stdout).toContain('0 of 3 known from earlier\n');
    const file = await readFile(join(work, 'runs', 'sample.validate', 'validation.json'), 'utf8');
    expect(JSON.parse(file)).toMatchObject({
      schemaVersion: 1,
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      entries: [
        {
          instanceId: FIRST,
          class: 'valid',
          epochs: 2,
          resolved: { gold: 2, empty: 0 },
          imageDigest: expect.stringMatching(/^sha256:/),
          machine: { engine: 'local' },
        },
        {},
        {},
      ],
    });
    const second = await run('validate', 'sample', '--epochs', '2', '-n', '4', '--json', '-o', 'again');
    const events = second.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events.map(({ type }) => type)).toEqual([
      'run_start',
      ...Array(4).fill('verdict'),
      'run_end',
      'validation',
    ]);
    expect(events.at(-1)).toMatchObject({ reused: 3, validation: { entries: [{}, {}, {}, {}] } });
  });

  test('is cited by later reports, next to the official rate', async () => {
    const { stdout } = await run('eval', 'sample', '--gold', '-n', '5', '-q');
    expect(stdout).toContain('Pass@1  100.0 %  (5 of 5 instances;');
    expect(stdout).toMatch(
      /\ngold-valid on this machine: 4 of 5 \(validated \d{4}-\d\d-\d\d, 2 epochs\); 1 not validated\n/,
    );
    expect(stdout).toContain('over those: 100.0 %  (4 of 4 instances)');
  });

  test('exits with 5 and names the tests when a gold patch fails', async () => {
    const rows = await readFile(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8');
    const row = JSON.parse(rows.split('\n', 1)[0] ?? '') as Record<string, unknown>;
    const other =
      'diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n';
    await writeFile(join(work, 'broken.jsonl'), `${JSON.stringify({ ...row, patch: other })}\n`);
    const { code, stdout } = await run('validate', 'broken.jsonl', '--epochs', '1', '-q');
    expect(code).toBe(5);
    expect(stdout).toMatch(
      new RegExp(
        `gold_fails +${FIRST} {2}tests_failed.*; tests: tests.test_money.MoneyTest.test_reads_floats`,
      ),
    );
    const { stdout: cited } = await run('eval', 'broken.jsonl', '--gold', '-q');
    expect(cited).toContain('gold-valid on this machine: 0 of 1');
    expect(cited).toContain(`${FIRST}: gold patch fails: tests_failed`);
  });
});

test('help of both commands has examples and says what the exit codes mean', async () => {
  for (const [command, words] of [
    ['validate', '5 some are not valid'],
    ['shell', 'exit code is that of the command'],
  ] as const) {
    const { stdout, code } = await run(command, '--help');
    expect([command, code, stdout.includes('Examples:'), stdout.includes(words)]).toEqual([
      command,
      0,
      true,
      true,
    ]);
  }
});

describe('assay shell, on the bundled benchmark', () => {
  const shell = (...args: string[]) => run('shell', FIRST, '-d', 'sample', ...args);

  test('runs a command in the tree and passes its output and exit code', async () => {
    expect(await shell('--', 'bash', '-c', 'pwd; git status --short; exit 7')).toMatchObject({
      code: 7,
      stdout: '/testbed\n',
    });
    expect((await shell('--', 'no-such-command')).code).toBe(127);
  });

  test('prints the eval script without an engine', async () => {
    const { code, stdout } = await shell('--print-script', '--engine', 'docker');
    expect([code, stdout.split('\n')[0]]).toEqual([0, '#!/bin/bash']);
  });

  test('without a command says that it needs one here', async () => {
    const { code, stderr } = await shell();
    expect([code, stderr]).toEqual([2, expect.stringContaining('give a command')]);
  });
});
