import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';
import { ROW_2026, ROW_V2 } from '../dataset/fixtures/rows.js';
import { assay, type CliResult } from '../helpers/cli.js';

const ID = 'assay-sample__pennybook-1';
let work = '';
let gold: Readonly<Record<string, unknown>>;

const at = (...parts: string[]) => join(work, ...parts);
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  assay(args, { cwd: work, cache: at('cache'), env });

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-cli-'));
  const rows = await readFile(join(packageRoot(), 'datasets', 'sample', 'instances.jsonl'), 'utf8');
  const row = JSON.parse(rows.slice(0, rows.indexOf('\n'))) as { patch: string };
  gold = { instance_id: ID, model_name_or_path: 'm', model_patch: row.patch };
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'empty.jsonl': '',
    'page.jsonl': '<!DOCTYPE html>\n<html><body>404</body></html>\n',
    'mixed.jsonl': [ROW_2026, { ...ROW_V2, instance_id: 'demo__adder-2' }]
      .map((one) => JSON.stringify(one))
      .join('\n'),
    'page.parquet': '<!DOCTYPE html>\n<html><body>404</body></html>\n',
    'cut.jsonl.gz': gzipSync('{}'.repeat(100)).subarray(0, 20),
    'row.jsonl': JSON.stringify(ROW_2026),
    'row-v2.jsonl': JSON.stringify(ROW_V2),
    'path-id.jsonl': JSON.stringify({ ...ROW_2026, instance_id: '../../x' }),
    'good.jsonl': JSON.stringify(gold),
    'no-id.jsonl': JSON.stringify({ model_patch: 'x' }),
    'near.jsonl': JSON.stringify({ ...gold, instance_id: 'assay-sample__penybook-1' }),
    'two-models.jsonl': [gold, { ...gold, model_name_or_path: 'n' }]
      .map((one) => JSON.stringify(one))
      .join('\n'),
    'ids.txt': 'no-such-id\n',
    file: 'a file where a folder is wanted',
  };
  for (const [name, content] of Object.entries(files)) await writeFile(at(name), content);
  await mkdir(at('folder'));
  const done = await run(['eval', 'sample', '--gold', '-i', ID, '-q', '-o', 'run']);
  expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
}, 60_000);
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

/** Exit codes as `assay --help` names them. */
const USAGE = 2;
const ENVIRONMENT = 3;

/** One clear message on stderr that ends with the next step, nothing on stdout, and no trace of our insides. */
function expectRefusal(result: CliResult, code: number, message: RegExp): void {
  const { stdout, stderr } = result;
  expect({ code: result.code, stdout, stderr }).toEqual({
    code,
    stdout: '',
    stderr: expect.stringMatching(message),
  });
  expect(stderr).not.toMatch(/^\s+at |node:internal|undefined|\[object|internal\]/m);
  expect(stderr.match(/^assay: .+ \[\w+\]$/gm)).toHaveLength(1);
  expect(stderr).toMatch(/\n {2}-> \S.*\n$/);
}

const SAMPLE = ['eval', 'sample', '--gold', '-q', '-o', 'never'];

describe('a mistake at the command line is answered with one message and the next step', () => {
  const mistakes: Readonly<Record<string, readonly [readonly string[], RegExp, number?]>> = {
    'no command': [[], /Name a command/],
    'a command that does not exist': [['evall', 'sample'], /Did you mean eval\?/],
    'no dataset': [['eval'], /dataset|Not enough/],
    'an unknown flag': [[...SAMPLE, '--works', '2'], /works/],
    'a dataset that does not exist': [['eval', 'nope.jsonl', '--gold'], /nope\.jsonl: no such file/],
    'an alias with a typing error': [['eval', 'verifed', '--gold'], /did you mean verified/],
    'a folder instead of a dataset': [['eval', './folder', '--gold'], /is a folder/],
    'an empty dataset': [['eval', 'empty.jsonl', '--gold'], /holds no rows/],
    'a dataset that is a web page': [['eval', 'page.jsonl', '--gold'], /page\.jsonl:1/],
    'a Parquet file that is a web page': [['eval', 'page.parquet', '--gold'], /not a readable Parquet file/],
    'a gzip file cut short': [['eval', 'cut.jsonl.gz', '--gold'], /cut\.jsonl\.gz.*unexpected end/],
    'an id that is a path': [['eval', 'path-id.jsonl', '--gold'], /row 1.*instance_id.*\.\.\/\.\.\/x/],
    'no predictions': [['eval', 'sample'], /--predictions FILE, --gold and --empty/],
    'predictions and gold': [[...SAMPLE, '-p', 'good.jsonl'], /one of --predictions/],
    'predictions that do not exist': [['eval', 'sample', '-p', 'nope.jsonl'], /nope\.jsonl: no such file/],
    'an empty folder of predictions': [['eval', 'sample', '-p', 'folder'], /holds no \.diff/],
    'predictions without instance_id': [
      ['eval', 'sample', '-p', 'no-id.jsonl'],
      /no-id\.jsonl:1: instance_id/,
    ],
    'predictions for an unknown id': [
      ['eval', 'sample', '-p', 'near.jsonl'],
      /did you mean assay-sample__pennybook-1/,
    ],
    'predictions of two models': [['eval', 'sample', '-p', 'two-models.jsonl'], /--model/],
    'an unknown id, near one that exists': [[...SAMPLE, '-i', 'assay-sample__penybook-1'], /did you mean/],
    'an id file with an unknown id': [[...SAMPLE, '--id-file', 'ids.txt'], /no-such-id/],
    'a limit of 0': [[...SAMPLE, '--limit', '0'], /--limit 0/],
    'a limit of -1': [[...SAMPLE, '--limit', '-1'], /--limit -1/],
    'a limit given twice': [[...SAMPLE, '--limit', '1', '--limit', '2'], /--limit.*(twice|once)/],
    'predictions given twice': [
      ['eval', 'sample', '-p', 'good.jsonl', '-p', 'near.jsonl'],
      /predictions.*(twice|once)/,
    ],
    'a flag without its value': [['eval', 'sample', '-p'], /predictions|following/],
    'epochs of 0': [[...SAMPLE, '--epochs', '0'], /--epochs 0/],
    'no workers': [[...SAMPLE, '-j', '0'], /--workers 0/],
    'one and a half workers': [[...SAMPLE, '-j', '1.5'], /--workers 1\.5/],
    'a time-out of 0': [[...SAMPLE, '--timeout', '0'], /--timeout 0/],
    'retries that are no number': [[...SAMPLE, '--retries', 'many'], /--retries/],
    'a threshold in percent': [[...SAMPLE, '--fail-under', '40'], /--fail-under 40/],
    'a shard beyond the last': [[...SAMPLE, '--shard', '3/2'], /--shard 3\/2/],
    'a regular expression that is none': [[...SAMPLE, '--filter', '(oops'], /--filter/],
    'a month that does not exist': [[...SAMPLE, '--month', '2025-13'], /--month 2025-13/],
    'a slice that is none': [[...SAMPLE, '--slice', '1-5'], /--slice 1-5/],
    'filters that leave nothing': [[...SAMPLE, '--month', '1999-01'], /no instance is left/],
    'a profile that does not exist': [[...SAMPLE, '--profile', 'v9'], /v9|Choices/],
    'a profile that does not fit the rows': [
      [...SAMPLE, '--profile', 'rebench-v2'],
      /does not fit the row of/,
    ],
    'rows of two benchmarks': [['eval', 'mixed.jsonl', '--gold', '-q'], /demo__adder-2.*rebench-v2/],
    'a run id that is a path': [['eval', 'sample', '--gold', '-q', '--run-id', '../x'], /--run-id \.\.\/x/],
    'an output folder below a file': [
      ['eval', 'sample', '--gold', '-i', ID, '-q', '-o', 'file/run'],
      /file\/run/,
    ],
    'a run that does not exist': [['report', 'nope'], /nope is not a run folder/],
    'a file instead of a run': [['report', 'file'], /file is not a run folder/],
    'a format named like a method': [['report', 'run', '-f', 'toString'], /--format toString/],
    'an instance that a run does not hold': [['show', 'run', 'assay-sample__penybook-1'], /did you mean/],
    'a merge of a run with itself': [['merge', 'run', 'run', '-o', 'merged'], /--conflict/],
    'an engine address that leads nowhere': [
      ['eval', 'row.jsonl', '--gold', '-q'],
      /no Docker engine answers.*nowhere\.sock/,
      ENVIRONMENT,
    ],
    'an engine address that is none': [['gc'], /not an address of an engine/, ENVIRONMENT],
  };
  const ENV: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'an engine address that leads nowhere': { DOCKER_HOST: 'unix:///nowhere.sock' },
    'an engine address that is none': { DOCKER_HOST: 'my docker' },
  };
  test.concurrent.each(Object.entries(mistakes))(
    '%s',
    async (name, [args, message, code = USAGE]) => {
      expectRefusal(await run(args, ENV[name]), code, message);
    },
    60_000,
  );
});

describe('a run folder that was damaged', () => {
  const VERDICT = join('i', ID, '1', 'verdict.json');
  const damages: Readonly<Record<string, readonly [string, string]>> = {
    'run.json cut short': ['run.json', '{"schemaVersion": 1, "set'],
    'run.json of something else': ['run.json', '{}'],
    'instances.jsonl of something else': ['instances.jsonl', '{"a": 1}\n'],
    'verdict.json cut short': [VERDICT, '{"instanceId": "assay-'],
    'verdict.json that is empty': [VERDICT, ''],
    'verdict.json of something else': [VERDICT, '[]'],
    'verdict.json of another instance': [VERDICT, '{"instanceId": "../../../x", "attempt": 1}'],
  };
  const [FIRST] = Object.keys(damages);
  for (const [name, [file, content]] of Object.entries(damages)) {
    test(`${name}: the file is named`, async () => {
      const folder = at(`damaged ${name}`);
      await cp(at('run'), folder, { recursive: true });
      await writeFile(join(folder, file), content);
      const commands = [
        ['report', folder],
        ['show', folder],
        ['regrade', folder],
        ['retry', folder],
        ['merge', folder, '-o', at('merged')],
      ];
      // All read a run in the same way; each of them is tried with the first damage.
      for (const args of name === FIRST ? commands : commands.slice(0, 1))
        expectRefusal(await run(args), USAGE, new RegExp(file.replace('.', '\\.').split('/').at(-1) ?? ''));
    }, 60_000);
  }

  test('a log that is no gzip is named, and a broken line of events.jsonl changes nothing', async () => {
    const folder = at('damaged log');
    await cp(at('run'), folder, { recursive: true });
    const log = join(folder, 'i', ID, '1', 'test.log.gz');
    await truncate(log, 200);
    expectRefusal(await run(['regrade', folder]), USAGE, /test\.log\.gz/);
    await writeFile(log, 'no gzip at all');
    for (const args of [
      ['show', folder, ID, '--log'],
      ['regrade', folder],
    ])
      expectRefusal(await run(args), USAGE, /test\.log\.gz/);
    await writeFile(join(folder, 'events.jsonl'), '{"type":"verdict","at":\n{"type":"verdict"}\nhello\n');
    const again = await run(['eval', 'sample', '--gold', '-i', ID, '-q', '-o', folder]);
    expect({ code: again.code, stderr: again.stderr }).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);
});

describe('output', () => {
  test('that is closed early ends nothing with an error', async () => {
    const main = join(packageRoot(), 'dist', 'src', 'cli', 'main.js');
    const child = spawn(process.execPath, [main, 'dataset', 'show', 'sample', '-i', ID, '--json'], {
      env: { PATH: process.env['PATH'], HOME: at('cache'), ASSAY_CACHE: at('cache') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }, 60_000);

  test('a cache folder that cannot be written costs no report', async () => {
    await writeFile(at('no-cache'), '');
    const options = { cwd: work, cache: at('no-cache') };
    const result = await assay(['eval', 'row-v2.jsonl', '--gold', '--dry-run'], options);
    expect({ code: result.code, stderr: result.stderr }).toMatchObject({ code: 0, stderr: '' });
  }, 60_000);

  // Permissions don't bind root: there the case can't be made.
  const asRoot = process.getuid?.() === 0;
  (asRoot ? test.skip : test)(
    'an output folder without permission is named',
    async () => {
      await mkdir(at('locked'));
      await chmod(at('locked'), 0o500);
      expectRefusal(
        await run(['eval', 'sample', '--gold', '-i', ID, '-q', '-o', 'locked/run']),
        USAGE,
        /locked\/run/,
      );
    },
    60_000,
  );
});
