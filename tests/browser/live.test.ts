import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { packageRoot } from '../../src/util/package.js';
import { describeInBrowser, launch } from '../helpers/browser.js';
import { assay } from '../helpers/cli.js';
import { type Daemon, startDaemon } from '../helpers/daemon.js';

const PREDICTIONS = join(packageRoot(), 'datasets', 'sample', 'predictions', 'mixed.jsonl');

describeInBrowser('assay view', () => {
  let work = '';
  let view: Daemon & { readonly said: string };
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'assay-view-'));
    await mkdir(join(work, 'runs'));
    view = await startDaemon(['view', '--port', '0'], /at (http:\S+)/, { cache: work, cwd: work });
    browser = await launch();
    page = await browser.newPage();
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    expect(await view?.stop()).toBe(0);
    await rm(work, { recursive: true });
  });

  it('lists a run that begins, follows it to its end, and shows its attempts and logs', async () => {
    await page.goto(view.said);
    await page.getByText('No run here yet.').waitFor();
    // Two of these wait for a time-out of 5 s: long enough for a look at the list in between.
    const run = assay(['eval', 'sample', '-p', PREDICTIONS, '-t', '5', '-j', '1', '--run-id', 'live', '-q'], {
      cwd: work,
      cache: work,
    });
    await page.getByRole('link', { name: 'live' }).click();
    await page.getByText(/Running: \d+ of 32 attempts have a verdict/).waitFor();
    const counts = await page.evaluate(async () => {
      const seen = new Set<string>();
      for (let look = 0; look < 1200; look++) {
        const text = /Running: (\d+) of/.exec(document.body.innerText)?.[1];
        if (text === undefined) break;
        seen.add(text);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return [...seen].map(Number);
    });
    expect(counts.length).toBeGreaterThan(1);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect((await run).code).toBe(0);
    await page.getByText('14 of 32 instances').first().waitFor();
    await page
      .getByRole('link', { name: /assay-sample__/ })
      .first()
      .click();
    await page.getByRole('link', { name: 'Log' }).click();
    await page.getByRole('region', { name: 'Test log' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('says so when the run is gone', async () => {
    await page.goto(`${view.said}/#/runs/nothing`);
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('no such thing');
  });
});
