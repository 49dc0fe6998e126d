import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assay } from '../helpers/cli.js';

let work = '';
let run: (...args: string[]) => ReturnType<typeof assay>;

/** A run on the bundled benchmark that resolved the first so many instances. */
async function resolvedFirst(count: number, name: string, ...flags: string[]): Promise<void> {
  const { stdout } = await run('dataset', 'list', 'sample');
  const ids = stdout.trim().split('\n').slice(0, count);
  await writeFile(join(work, `${name}.json`), JSON.stringify(ids));
  await run('runs', 'import', `${name}.json`, '-d', 'sample', '--model', name, '-o', name, ...flags);
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'assay-compare-'));
  run = (...args) => assay(args, { cwd: work, cache: join(work, 'cache') });
  await resolvedFirst(20, 'old');
  await resolvedFirst(10, 'worse');
  await resolvedFirst(19, 'alike');
  await resolvedFirst(5, 'few', '-n', '10');
});
afterAll(() => rm(work, { recursive: true, force: true }));

describe('assay compare', () => {
  test('prints text, writes a file by its extension, and JSON alone under --json', async () => {
    const { code, stdout, stderr } = await run('compare', 'old', 'worse', '-o', 'out/c.md');
    expect([code, stderr]).toEqual([0, 'written: out/c.md\n']);
    expect(stdout).toContain('2 runs on instances.jsonl');
    expect(stdout).toContain('0.00195');
    expect(await readFile(join(work, 'out', 'c.md'), 'utf8')).toContain('### Losses of B to A: 10');
    const record = JSON.parse((await run('compare', 'old', 'worse', '--json')).stdout);
    expect(record).toMatchObject({
      schemaVersion: 1,
      pairs: [{ test: { name: 'mcnemar', p: 0.001953125 } }],
    });
    expect(record.runs.map(({ label }: { label: string }) => label)).toEqual(['sample.old', 'sample.worse']);
  });

  test('tells runs of one name apart', async () => {
    const { stdout } = await run('compare', 'old', 'old');
    expect(stdout).toMatch(/A {2}sample\.old \(old\) #1 [\s\S]*B {2}sample\.old \(old\) #2 /);
  });

  test('--fail-on-regression exits 5 when a run is significantly worse than the first, and not otherwise', async () => {
    const worse = await run('compare', 'old', 'worse', '--fail-on-regression');
    expect([worse.code, worse.stderr]).toEqual([
      5,
      'regression: sample.worse is worse than sample.old (p 0.00195 < 0.05)\n',
    ]);
    expect((await run('compare', 'old', 'worse', '--fail-on-regression', '--alpha', '0.001')).code).toBe(0);
    expect((await run('compare', 'worse', 'old', '--fail-on-regression')).code).toBe(0);
    expect((await run('compare', 'old', 'alike', '--fail-on-regression')).code).toBe(0);
    expect((await run('compare', 'old', 'alike', 'worse', '--fail-on-regression')).code).toBe(5);
  });

  test('--fail-on-regression exits 4 while the comparison is incomplete', async () => {
    const id = 'assay-sample__pennybook-1';
    await run('runs', 'import', 'old.json', '-d', 'sample', '--model', 'gap', '-o', 'gap');
    await rm(join(work, 'gap', 'i', id), { recursive: true });
    const { code, stdout, stderr } = await run('compare', 'old', 'gap', '--fail-on-regression');
    expect([code, stderr]).toEqual([4, expect.stringContaining('can not be told')]);
    expect(stdout).toContain('INCOMPLETE: 1 instance');
  });

  test('refuses other instances unless --intersect is given', async () => {
    const refused = await run('compare', 'old', 'few');
    expect([refused.code, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toContain('instances: sample.few lacks 22');
    expect(refused.stderr).toContain('--intersect');
    const { code, stdout } = await run('compare', 'old', 'few', '--intersect');
    expect(code).toBe(0);
    expect(stdout).toContain('left out: 22 instances');
  });

  test('says what is wrong with its arguments', async () => {
    for (const [args, words] of [
      [['old'], 'name two run folders or more'],
      [['old', 'nowhere'], 'nowhere is not a run folder'],
      [['old', 'worse', '-o', 'c.txt'], 'expected a name that ends in .md'],
      [['old', 'worse', '--alpha', '5'], 'expected a number between 0 and 1'],
      [['old', 'worse', '--strict'], 'sample.old lacks those of 20 resolved attempts'],
    ] as const) {
      const { code, stderr } = await run('compare', ...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    }
  });
});
