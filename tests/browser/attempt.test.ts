import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { axeViolations, describeInBrowser, launch } from '../helpers/browser.js';
import { AT, EVIDENCE, ID, LINES, MANY_LINES, OLD_TESTS, ONE } from './one-attempt.js';
import { writeReport } from './run-500.js';

const VIEWS = ['result', 'patch', 'log', 'episode', 'conditions'];

describeInBrowser('the page of an attempt, in a browser', () => {
  let browser: Browser;
  let folder = '';
  let report = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-attempt-'));
    [browser, report] = await Promise.all([launch(), writeReport(ONE, folder, { evidence: EVIDENCE })]);
  });
  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(at: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(`file://${report}#/i/${at}`);
    await page.locator('h1').waitFor();
    return { page, [Symbol.asyncDispose]: () => context.close() };
  }

  const log = (page: Page) => page.getByRole('region', { name: 'Test log' });
  const loaded = (page: Page) => page.getByText(`${LINES} lines, `).waitFor();
  const hash = (page: Page) => page.evaluate('location.hash') as Promise<string>;
  /** Numbers of the lines that one can see. */
  const inView = async (page: Page): Promise<readonly number[]> => {
    const { top, bottom } = await log(page).evaluate((element) => element.getBoundingClientRect().toJSON());
    return page.locator('.log-line').evaluateAll(
      (lines, bounds) =>
        lines
          .filter((line) => {
            const box = line.getBoundingClientRect();
            return box.top >= bounds.top && box.bottom <= bounds.bottom;
          })
          .map((line) => Number(line.querySelector('.log-number')?.textContent)),
      { top, bottom },
    );
  };

  test('shows failing tests first, the passed ones folded and a part of thousands', async () => {
    await using opened = await open(`${ID}/1`);
    const { page } = opened;
    expect(await page.locator('.tests h3').allTextContents()).toEqual([
      expect.stringContaining('2 of 2 FAIL_TO_PASS tests failed'),
      expect.stringContaining(`1 of ${OLD_TESTS} PASS_TO_PASS tests failed`),
    ]);
    expect(await page.locator('.test-names li').count()).toBe(3);
    await page.getByText(`${OLD_TESTS - 1} of ${OLD_TESTS} PASS_TO_PASS tests passed`).click();
    await page.getByRole('button', { name: /^Show 200 of \d+ more tests$/ }).click();
    expect(await page.locator('.test-names li').count()).toBe(403);
  });

  test('leads from a failing test to the line that first names it, in a log of 20 MB', async () => {
    await using opened = await open(`${ID}/1`);
    const { page } = opened;
    await page.getByRole('link', { name: 'tests/test_a.py::test_fix' }).click();
    await loaded(page);
    await page.getByText(`Line ${AT.failure} is the first of the tests to say`).waitFor();
    expect(await page.locator('.log-line.current').textContent()).toContain(
      'FAILED tests/test_a.py::test_fix',
    );
    expect(await inView(page)).toContain(AT.failure);
    expect(await page.locator('.log-line').count()).toBeLessThan(200);
  });

  test('opens the log at the first failure, and leads to the start and the end of the tests', async () => {
    await using opened = await open(`${ID}/1?view=log`);
    const { page } = opened;
    await loaded(page);
    await page.locator('.log-line.current').waitFor();
    expect(await inView(page)).toContain(AT.failure);
    await page.getByRole('link', { name: `end of the tests: ${AT.end}` }).click();
    await page.locator('.log-line.current', { hasText: 'End Test Output' }).waitFor();
    expect(await inView(page)).toContain(AT.end);
    await page.getByRole('link', { name: `start of the tests: ${AT.start}` }).click();
    await page.locator('.log-line.current', { hasText: 'Start Test Output' }).waitFor();
    expect(await inView(page)).toContain(AT.start);
  });

  test('opens at the line of its address', async () => {
    await using opened = await open(`${ID}/1?log=test&line=400000`);
    const { page } = opened;
    await page.locator('.log-line.current').waitFor();
    await loaded(page);
    expect(await page.locator('.log-line.current').textContent()).toContain('400000');
    expect(await inView(page)).toContain(400_000);
  });

  test('opens at the line of its address, and reads on by keys, where a log has more lines than a page has room', async () => {
    await using opened = await open('b__b-1/1?line=2345678');
    const { page } = opened;
    await page.getByText(`${MANY_LINES} lines, `).waitFor();
    await page.locator('.log-line.current').waitFor();
    const before = await inView(page);
    expect(before).toContain(2_345_678);
    await log(page).press('ArrowDown');
    await page.locator('.log-number', { hasText: new RegExp(`^${(before.at(-1) ?? 0) + 1}$`) }).waitFor();
    await log(page).press('End');
    await page.locator('.log-number', { hasText: new RegExp(`^${MANY_LINES}$`) }).waitFor();
    expect(await inView(page)).toContain(MANY_LINES);
  });

  test('finds a text in any case, counts its lines, goes from one to the next and keeps that in the address', async () => {
    await using opened = await open(`${ID}/1?view=log`);
    const { page } = opened;
    await loaded(page);
    await page.getByRole('searchbox').fill('the needle');
    await page.getByText('1 of 2 lines').waitFor();
    expect(await inView(page)).toContain(AT.needle[0]);
    await page.keyboard.press('Enter');
    await page.getByText('2 of 2 lines').waitFor();
    expect(await inView(page)).toContain(AT.needle[1]);
    expect(await page.locator('.log-line.current mark').textContent()).toBe('the Needle');
    // The address is written a moment later, as browsers bound how often.
    const address = `#/i/${ID}/1?view=log&log=test&line=${AT.needle[1]}&find=the+needle`;
    await page.waitForURL((url) => url.hash === address);
    await page.getByRole('searchbox').fill('nowhere to be found');
    await page.getByText('0 lines').waitFor();
  });

  test('is read by keyboard alone', async () => {
    await using opened = await open(`${ID}/1`);
    const { page } = opened;
    await page.getByRole('link', { name: 'Log', exact: true }).press('Enter');
    await loaded(page);
    await page.locator('.log-line.current').waitFor();
    for (let tabs = 0; tabs < 40; tabs++) {
      await page.keyboard.press('Tab');
      if (await log(page).evaluate((element) => element === document.activeElement)) break;
    }
    for (const [key, line] of [
      ['End', LINES],
      ['Home', 1],
      ['PageDown', 40],
    ] as const) {
      await page.keyboard.press(key);
      await page.locator('.log-number', { hasText: new RegExp(`^${line}$`) }).waitFor();
      expect([key, await inView(page)]).toEqual([key, expect.arrayContaining([line])]);
    }
    await page.keyboard.press('Tab');
    expect(await log(page).evaluate((element) => element === document.activeElement)).toBe(false);
  });

  test('wraps lines, and shows a long one whole', async () => {
    await using opened = await open(`${ID}/2?view=log`);
    const { page } = opened;
    await page.getByRole('button', { name: 'all 5,000 characters' }).click();
    await page.getByRole('button', { name: 'Show more' }).click();
    expect(await page.locator('.log-one pre').textContent()).toBe('wide '.repeat(1000));
    const tall = () =>
      page
        .locator('.log-line')
        .nth(1)
        .evaluate((line) => line.getBoundingClientRect().height);
    expect(await tall()).toBe(18);
    await page.getByRole('checkbox', { name: 'wrap lines' }).check();
    expect(await tall()).toBeGreaterThan(100);
  });

  test('has the patch beside the gold patch, says which files only one of them touches, and which are guarded', async () => {
    await using opened = await open(`${ID}/1?view=patch`);
    const { page } = opened;
    await page.locator('.pair').first().waitFor();
    expect(await page.locator('.pair h2').allTextContents()).toEqual([
      'src/a.py',
      'conftest.pyonly the submitted patch touches itguarded: configuration',
      'src/only_gold.pyonly the gold patch touches it',
    ]);
    const both = page.locator('.pair').first();
    expect(await both.locator('.added .code').allTextContents()).toEqual(['mine', 'gold']);
    const [mine, gold] = await both
      .locator('.side')
      .evaluateAll((sides) => sides.map((side) => side.getBoundingClientRect().top));
    expect(mine).toBe(gold);
  });

  test('shows a patch that is none as it is', async () => {
    await using opened = await open(`${ID}/2?view=patch`);
    await opened.page.getByText('I changed src/a.py.').waitFor();
  });

  test('shows the episode at the turn of its address, with what went wrong, and only the beginning of long outputs', async () => {
    await using opened = await open(`${ID}/1?turn=150`);
    const { page } = opened;
    const turn = page.locator('.turn.current');
    await turn.waitFor();
    expect(await turn.textContent()).toContain('cat file_150.py');
    expect(await turn.evaluate((element) => Math.abs(element.getBoundingClientRect().top))).toBeLessThan(50);
    expect(await page.locator('.episode-summary').textContent()).toBe(
      '300 turns, submitted; 1 turn without a usable command; 300,000 prompt and 6,000 completion tokens, $3.0000, 600.0 s',
    );
    const heads = await page.locator('.turn-head').allTextContents();
    expect(heads[1]).toContain('✕ no command in it');
    expect(heads[2]).toContain('exit 1');
    const shown = (await page.locator('.turn').first().textContent())?.length ?? 0;
    expect(shown).toBeLessThan(5000);
    await page.getByRole('button', { name: 'Collapse all' }).click();
    expect(await page.locator('.turn pre').count()).toBe(0);
  });

  test('leads to the other attempt and to the next instance of the table, with its filters', async () => {
    await using opened = await open(`${ID}/1?outcome=resolved`);
    const { page } = opened;
    await page.getByRole('link', { name: /Attempt 2/ }).click();
    await page.getByRole('link', { name: 'Next →' }).click();
    await page.locator('h1', { hasText: 'b__b-1' }).waitFor();
    expect(await hash(page)).toBe('#/i/b__b-1/1?outcome=resolved');
    expect(await page.locator('.verdict').textContent()).toContain(
      '≠ strict verdict: not resolved, tampered',
    );
  });

  test.each(['light', 'dark'] as const)('has no fault that axe-core finds, %s', async (colorScheme) => {
    for (const view of VIEWS) {
      await using opened = await open(`${ID}/1?view=${view}`, { colorScheme, bypassCSP: true });
      const { page } = opened;
      await page.waitForFunction(() => !/^Loading|loading: /m.test(document.body.innerText));
      expect([view, await axeViolations(page)]).toEqual([view, []]);
    }
  });

  test('says which file is missing where a log is not beside the page', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.route('**/report-logs/*', (route) => route.abort());
    await page.goto(`file://${report}#/i/${ID}/1?view=log`);
    expect(await page.getByRole('alert').textContent()).toMatch(/report-logs\/.*copy the folder along/);
    await context.close();
  });
});
