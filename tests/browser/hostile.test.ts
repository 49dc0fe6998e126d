import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { routeHash } from '../../reports/html/app/route.js';
import { describeInBrowser, hasBrowser, launch } from '../helpers/browser.js';
import { EVIDENCE, HOSTILE, hostile, IDS, PAYLOADS } from './hostile-run.js';
import { writeReport } from './run-500.js';

const [ID, PROTO] = IDS;

let browser: Browser;
let folder = '';
let report = '';
beforeAll(async () => {
  if (!hasBrowser) return;
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), 'assay-hostile-page-'));
  report = await writeReport(HOSTILE, folder, { evidence: EVIDENCE });
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** All that a page did which it should not do. */
interface Watched {
  readonly page: Page;
  readonly wrongs: string[];
}

async function open(file: string, width = 1280): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  const wrongs: string[] = [];
  await page.addInitScript('window.pwned = () => { window.owned = true; console.error("pwned"); }');
  page.on('dialog', (dialog) => {
    wrongs.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => wrongs.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrongs.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const allowed = request.url().startsWith(pathToFileURL(folder).href);
    if (!allowed || request.isNavigationRequest() !== (request.resourceType() === 'document'))
      wrongs.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  return { page, wrongs };
}

/** Goes to a place on the page and opens all that can be opened. */
async function show(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.locator('main').waitFor();
  await page.waitForFunction(() => !/^Loading|loading: /m.test(document.body.innerText));
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  await page.evaluate(() => {
    for (const more of document.querySelectorAll<HTMLButtonElement>('.more button')) more.click();
  });
}

const textOf = async (page: Page) =>
  (await page.evaluate(() => document.body.textContent ?? '')).replace(HALF, '\ufffd');

const HALF = /\p{Surrogate}/gu;

/** As readers see it: half a character is none, and what can't be seen is named. */
function seen(text: string): string {
  return text
    .replace(HALF, '\ufffd')
    .replace(/(\u0301{16})(\u0301+)/g, (_, kept, rest) => `${kept}⟨${rest.length} more marks⟩`)
    .replace(/[\u0000-\u001f]/g, (char) => String.fromCharCode(0x2400 + char.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(
      /[\u0080-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (char) => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
    );
}

const at = (id: string, view: string) => `${routeHash(['i', id, '1'])}?view=${view}`;

/** Fields by the place where they must be read as they were written. */
const SHOWN: Readonly<Record<string, readonly string[]>> = {
  '#/': ['run model', 'dataset'],
  [at(ID, 'result')]: [
    'repo',
    'difficulty',
    'F2P passed',
    'F2P failed',
    'P2P passed',
    'P2P failed',
    'note',
  ].concat(['guarded', 'guard', 'reaches', 'inverted', 'ended', 'phase']),
  [at(ID, 'episode')]: ['agent', 'scaffold', 'command', 'observation 0', 'observation 9'],
  [at(ID, 'conditions')]: [
    'model',
    'image',
    'digest',
    'applied',
    'engine',
    'isolation',
    'key',
    'python',
  ].concat(['asked', 'recipe repo', 'commit', 'package', 'pre-install']),
  [at(PROTO, 'patch')]: ['path'],
};

describeInBrowser('a page of a run in which strangers have written what they can', () => {
  test.each([1280, 390])(
    'runs nothing, asks for nothing and keeps its layout at %i pixels',
    async (width) => {
      const { page, wrongs } = await open(report, width);
      const places = [
        ...[
          '#/',
          '#/instances',
          '#/%E0%A4%A',
          '#/i/%00/1',
          '#/i/constructor/1',
          '#/i/__proto__/1?view=__proto__',
        ],
        ...IDS.flatMap((id) =>
          ['result', 'patch', 'log', 'episode', 'conditions'].map((view) => at(id, view)),
        ),
        `${at(ID, 'log')}&find=${encodeURIComponent('<script>')}`,
        `${at(ID, 'log')}&${new URLSearchParams({ test: hostile('x') })}`,
      ];
      for (const place of places) {
        await show(page, place);
        const wide = await page.evaluate(() => {
          const { scrollWidth = 0, clientWidth = 0 } = document.scrollingElement ?? {};
          return scrollWidth - clientWidth;
        });
        expect({ place, wide, wrongs }).toEqual({ place, wide: 0, wrongs: [] });
      }
      expect(await page.evaluate(() => 'owned' in window)).toBe(false);
      await page.close();
    },
  );

  test.each(Object.entries(SHOWN))('shows each text as it was written: %s', async (place, fields) => {
    const { page } = await open(report);
    await show(page, place);
    const text = await textOf(page);
    const isShown = (field: string) => text.includes(seen(hostile(field)));
    expect(fields.filter((field) => !isShown(field))).toEqual([]);
    await page.close();
  });

  test('shows each line of a patch and of a log as it was written, and a long one on request', async () => {
    const { page } = await open(report);
    const lines = ['[log]', ...PAYLOADS.map((text) => seen(text.slice(0, 2000)))];
    await show(page, at(ID, 'log'));
    const log = await page.locator('.log-text').allTextContents();
    expect(log.slice(0, lines.length)).toEqual(lines);
    expect(log.at(-2)).toBe('red');
    await page.getByRole('button', { name: 'all 1,000,000 characters' }).click();
    await page.getByRole('button', { name: 'Show more' }).click();
    expect((await page.locator('.log-one pre').textContent())?.length).toBe(64_000);
    await show(page, at(PROTO, 'patch'));
    const code = await page.locator('.diff .code').allTextContents();
    expect(
      code.slice(1, -3).map((line) => line.replace(/ all [\d,]+ characters$/, '').replace(HALF, '\ufffd')),
    ).toEqual(lines.slice(1));
    await page.close();
  });
});

describeInBrowser('each of its two walls holds by itself', () => {
  const POLICY = /<meta http-equiv="Content-Security-Policy"[^>]*>/;
  /** As if JSON stood in the page as it is. */
  const unescaped = (html: string) => html.replaceAll('\\u003c', '<');

  async function run(name: string, change: (html: string) => string): Promise<Watched & { owned: boolean }> {
    const path = join(folder, `${name}.html`);
    await writeFile(path, change(await readFile(report, 'utf8')));
    const watched = await open(path);
    await watched.page.waitForLoadState('load');
    return { ...watched, owned: await watched.page.evaluate(() => 'owned' in window) };
  }

  test('without both, a payload runs: this test would see it', async () => {
    const { owned, wrongs, page } = await run('bare', (html) => unescaped(html.replace(POLICY, '')));
    expect(owned).toBe(true);
    expect(wrongs).toContain('console: pwned');
    await page.close();
  });

  test('the policy stops it where the escaping fails', async () => {
    const { owned, wrongs, page } = await run('policy', unescaped);
    expect(owned).toBe(false);
    expect(wrongs.join('\n')).toMatch(/Content Security Policy/);
    await page.close();
  });

  test('the escaping stops it where no policy is known', async () => {
    const { owned, page } = await run('escaped', (html) => html.replace(POLICY, ''));
    await show(page, at(ID, 'result'));
    expect(owned || (await page.evaluate(() => 'owned' in window))).toBe(false);
    await page.close();
  });
});
