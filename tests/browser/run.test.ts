import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { RunResults } from '../../src/model/run.js';
import { summarise } from '../../src/stats/summary.js';
import { axeViolations, describeInBrowser, launch } from '../helpers/browser.js';
import { instance, MIXED, runResults, TAMPERED, verdict } from '../reports/run-results.js';
import { results500, writeReport } from './run-500.js';

describeInBrowser('the page of a run, in a browser', () => {
  const run = results500();
  const { outcomes, passAt1, byRepository } = summarise(run);
  let browser: Browser;
  let folder: string;
  let large: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-page-'));
    [browser, large] = await Promise.all([launch(), writeReport(run, join(folder, '500'), { logs: false })]);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(
    path: string,
    { hash = '', ...options }: BrowserContextOptions & { hash?: string } = {},
  ) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const trouble: string[] = [];
    page.on('console', (message) => trouble.push(message.text()));
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith('file:')) trouble.push(request.url());
    });
    await page.goto(`file://${path}${hash}`);
    await page.locator('h1').waitFor();
    return { page, trouble, [Symbol.asyncDispose]: () => context.close() };
  }

  const write = (name: string, results: RunResults) =>
    writeReport(results, join(folder, name), { logs: false });
  const rows = (page: Page) => page.locator('table.instances tbody tr');
  const fragment = (page: Page) => page.evaluate('location.hash') as Promise<string>;

  test('opens from a file, with nothing on the console and no request but for files', async () => {
    await using opened = await open(large);
    const { page, trouble } = opened;
    expect(await page.locator('h1').textContent()).toBe('acme/solver on verified');
    expect(await page.title()).toBe('acme/solver on verified');
    expect(await page.locator('.figure .value').first().textContent()).toBe(
      `${(100 * (passAt1.rate ?? 0)).toFixed(1)} %`,
    );
    await expectRows(page, 500);
    expect(trouble).toEqual([]);
  });

  test('filters by outcome, keeps that in its address, and shows the same after a reload', async () => {
    await using opened = await open(large);
    const { page } = opened;
    await page.getByRole('checkbox', { name: 'unresolved' }).check();
    await expectRows(page, outcomes.unresolved);
    await page.waitForURL(({ hash }) => hash === '#/?outcome=unresolved');
    await page.reload();
    await expectRows(page, outcomes.unresolved);
    expect(await page.getByRole('checkbox', { name: 'unresolved' }).isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Clear all filters' }).click();
    await expectRows(page, 500);
  });

  test('filters as one types, says how many are left and their Pass@1, and counts what the other filters would leave', async () => {
    await using opened = await open(large);
    const { page } = opened;
    const sympy = byRepository.find(({ name }) => name === 'sympy/sympy');
    await page.getByRole('searchbox').pressSequentially('SYMPY');
    await expectRows(page, 75);
    await page.waitForURL(({ hash }) => hash === '#/?q=SYMPY');
    expect(await page.locator('.shown').textContent()).toBe(
      `75 of 500 attempts · Pass@1 of these ${(100 * (sympy?.rate ?? 0)).toFixed(1)} % (${sympy?.score} of 75 instances)`,
    );
    expect(await page.locator('option[value="django/django"]').textContent()).toBe('django/django (0)');
  });

  test('sorts by a column, up, down and not at all', async () => {
    await using opened = await open(large);
    const { page } = opened;
    const heading = page.getByRole('columnheader', { name: 'tests, s' });
    const seconds = async () => Number(await rows(page).first().locator('td').last().textContent());
    const times = run.verdicts.map(({ seconds: { test } }) => Number(test?.toFixed(1)));
    await heading.getByRole('button').click();
    expect(await heading.getAttribute('aria-sort')).toBe('ascending');
    expect(await seconds()).toBe(Math.min(...times));
    await heading.getByRole('button').click();
    expect(await heading.getAttribute('aria-sort')).toBe('descending');
    expect(await seconds()).toBe(Math.max(...times));
    await page.waitForURL(({ hash }) => hash === '#/?sort=-tests');
    await heading.getByRole('button').click();
    expect(await heading.getAttribute('aria-sort')).toBe('none');
  });

  test('leads from a group to its instances', async () => {
    await using opened = await open(large);
    const { page } = opened;
    await page.getByRole('link', { name: 'psf/requests' }).click();
    await expectRows(page, 8);
    expect(await fragment(page)).toBe('#/instances?repo=psf%2Frequests');
  });

  test('leads by keyboard alone from the first screen to an instance and back to the same place', async () => {
    await using opened = await open(large, { hash: '#/?outcome=unresolved' });
    const { page, trouble } = opened;
    const press = async (key: string, until: () => Promise<boolean>) => {
      for (let presses = 0; presses < 40; presses++) {
        if (await until()) return;
        await page.keyboard.press(key);
      }
      throw new Error(`${key} did not lead there`);
    };
    const focused = () => page.evaluate('document.activeElement.textContent') as Promise<string>;
    await press('Tab', async () => (await focused()) === 'Instances');
    await page.keyboard.press('Enter');
    await page.locator('#instances:focus').waitFor();
    const name = (await rows(page).nth(3).locator('a').textContent()) ?? '';
    await press('Tab', async () => (await focused()) === name);
    const before = await page.evaluate('scrollY');
    await page.keyboard.press('Enter');
    await page.waitForURL(({ hash }) => hash.startsWith('#/i/'));
    expect(await page.locator('h1').textContent()).toContain(name);
    expect(await fragment(page)).toContain('outcome=unresolved');
    await page.goBack();
    await expectRows(page, outcomes.unresolved);
    expect(await focused()).toBe(name);
    expect(await page.evaluate('scrollY')).toBe(before);
    expect(trouble).toEqual([]);
  });

  test('copies the sentence to cite it by', async () => {
    await using opened = await open(large, { permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = opened;
    await page.getByRole('button', { name: 'Copy citation' }).click();
    await page.getByText('Copied').waitFor();
    const copied = await page.evaluate('navigator.clipboard.readText()');
    expect(copied).toBe(await page.locator('.cite blockquote').textContent());
  });

  test('puts more than a thousand attempts on pages, all of which the filters see', async () => {
    const path = await write('1500', results500({ epochs: 3 }));
    await using opened = await open(path);
    const { page } = opened;
    await expectRows(page, 1000);
    await page.getByRole('button', { name: 'Next' }).click();
    await expectRows(page, 500);
    await page.getByRole('searchbox').fill('flask');
    await expectRows(page, 3);
    expect(await page.getByRole('columnheader', { name: 'attempt' }).count()).toBe(1);
  });

  test('shows names of strangers as they are, and what of them can not be seen', async () => {
    const model = '<img src=x onerror=alert(1)>\u202egnp\u0000';
    const path = await write('strange', runResults([instance('a__a-1')], [verdict('a__a-1')], { model }));
    await using opened = await open(path);
    const { page, trouble } = opened;
    expect(await page.locator('h1').textContent()).toBe(
      '<img src=x onerror=alert(1)>⟨U+202E⟩gnp␀ on verified',
    );
    expect(trouble).toEqual([]);
  });

  test('prints without what only a screen has', async () => {
    await using opened = await open(await write('mixed', MIXED));
    const { page } = opened;
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.filters').isVisible()).toBe(false);
    expect(await page.getByRole('button', { name: 'Copy citation' }).isVisible()).toBe(false);
    expect(await page.getByRole('columnheader', { name: 'reason' }).getByText('reason').isVisible()).toBe(
      true,
    );
    expect(await rows(page).count()).toBe(9);
  });

  test.each([
    ['light', { viewport: { width: 1280, height: 900 } }],
    ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['on a phone', { viewport: { width: 390, height: 844 } }],
  ] as const)('axe-core finds no violation, and nothing sticks out: %s', async (name, options) => {
    const differing = { ...MIXED, verdicts: MIXED.verdicts.map((one) => ({ ...one, ...TAMPERED })) };
    const path = await write(`axe ${name}`, differing);
    await using opened = await open(path, { ...options, bypassCSP: true, hash: '#/?q=a' });
    const { page } = opened;
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.evaluate('document.scrollingElement.scrollWidth - innerWidth')).toBe(0);
  });

  async function expectRows(page: Page, count: number): Promise<void> {
    await page.waitForFunction(
      (wanted) => document.querySelectorAll('table.instances tbody tr').length === wanted,
      count,
    );
  }
});
