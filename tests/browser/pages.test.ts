import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { describeInBrowser, launch } from '../helpers/browser.js';
import { assay } from '../helpers/cli.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const HOSTILE = '<img src=x onerror="window.bad=1"><script>window.bad=1</script>\u202e\u0000';

const iteration = (number: number) => ({
  ...{ type: 'iteration', iteration: number, steps: number, weightVersion: String(number), saved: true },
  ...{ outcomes: { [HOSTILE]: { resolved: number, scored: 4 } }, counts: { groups: 2, kept: 1 } },
  metrics: { 'rollout/pass_at_1': number / 4, 'rollout/turns': 3, [HOSTILE]: 1 },
  alarms: number === 2 ? [{ name: 'turns', words: HOSTILE }] : [],
  ...{ seconds: { rollouts: 2, training: 1 }, finishedAt: '2026-11-22T12:00:00.000Z' },
});

describeInBrowser('pages with charts', () => {
  let work = '';
  let browser: Browser;
  const run = (...args: readonly string[]) => assay(args, { cwd: work, cache: work });

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-pages-'));
    browser = await launch();
    await mkdir(join(work, 'stage1'));
    const lines = [1, 2, 3].map((number) => JSON.stringify(iteration(number)));
    await writeFile(join(work, 'stage1', 'journal.jsonl'), `${lines.join('\n')}\n`);
    await writeFile(join(work, 'stage1', 'settings.json'), JSON.stringify({ note: HOSTILE }));
  });
  afterAll(async () => {
    await browser?.close();
    await rm(work, { recursive: true });
  });

  /** Opens a page in both schemes; resolves with its text. */
  async function read(file: string): Promise<string> {
    let text = '';
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ colorScheme, bypassCSP: true });
      const page = await context.newPage();
      await page.goto(pathToFileURL(join(work, file)).href);
      await page.locator('svg.chart').first().waitFor();
      for (const details of await page.locator('details').all())
        await details.evaluate((element) => element.setAttribute('open', ''));
      await page.addScriptTag({ path: AXE });
      const found = await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))');
      expect([file, colorScheme, found]).toEqual([file, colorScheme, []]);
      expect(await page.evaluate('window.bad')).toBeUndefined();
      text = await page.locator('main').innerText();
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
      await context.close();
    }
    return text;
  }

  it('a training has its curves, alarms, numbers and settings, and files of its charts', async () => {
    const { code, stderr } = await run('report', 'stage1', '-f', 'html', '--plots', 'plots');
    expect([code, stderr]).toEqual([0, '']);
    expect((await readdir(join(work, 'plots'))).sort()).toEqual([
      ...['pass-at-1.svg', 'seconds.svg', 'signal.svg', 'turns.svg'],
    ]);
    const text = await read('stage1/report.html');
    for (const words of ['3 iterations so far', 'turns, iteration 2', 'Pass@4', '<script>', 'All numbers'])
      expect(text).toContain(words);
  });

  it('a training has no report of verdicts', async () => {
    const { code, stderr } = await run('report', 'stage1', '-f', 'csv');
    expect(code).toBe(2);
    expect(stderr).toContain('this is a training, whose report is html');
  });

  it('a comparison has its forest plots, table, wins and losses, and files of its charts', async () => {
    for (const [name, patches] of [
      ['gold', '--gold'],
      ['empty', '--empty'],
    ] as const)
      await run('eval', 'sample', patches, '-n', '4', '-q', '-o', name, '--run-id', name);
    const { code } = await run('compare', 'empty', 'gold', '-o', 'compare.html', '--plots', 'compared');
    expect(code).toBe(0);
    const text = await read('compare.html');
    for (const words of [
      '2 runs compared',
      'B is +100.0 points against A',
      'exact McNemar: 4 wins, 0 losses',
    ])
      expect(text).toContain(words);
    expect(await readdir(join(work, 'compared'))).toContain('differences.svg');
  });

  it('--plots alone writes the charts of a run, and no report', async () => {
    const { stdout } = await run('report', 'gold', '--plots', 'drawn', '--json');
    const { files } = JSON.parse(stdout) as { readonly files: readonly string[] };
    expect(files).toContain(join('..', 'drawn', 'pass-at-1.svg'));
    expect(files.every((file) => file.endsWith('.svg'))).toBe(true);
  });
});
