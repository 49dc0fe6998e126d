import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { AT, bigLog, EVIDENCE, ID, LINES, ONE } from '../browser/one-attempt.js';
import { writeReport } from '../browser/run-500.js';
import { launch } from '../helpers/browser.js';

/** `npm run bench:log`: whether a log of 20 MB leaves the page free to answer while it is loaded and searched, in Chromium from `file://`. */
const ROUNDS = 5;

/** What one opening took, in ms. */
interface Round {
  readonly firstLines: number;
  readonly allLines: number;
  /** The longest time in which the page could not answer. */
  readonly blockedLoading: number;
  readonly search: number;
  readonly blockedSearching: number;
}

const folder = await mkdtemp(join(tmpdir(), 'assay-bench-log-'));
const browser = await launch();
try {
  const path = await writeReport(ONE, folder, { evidence: EVIDENCE });
  const { size } = await stat(path);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(browser, path));
  console.log(
    `A log of ${LINES} lines, ${(bigLog().length / 1e6).toFixed(1)} MB, beside a page of ${(size / 1e6).toFixed(2)} MB, ${ROUNDS} times:`,
  );
  say('from navigation to its first lines', rounds, ({ firstLines }) => firstLines);
  say('from navigation to its last line, at the first failure', rounds, ({ allLines }) => allLines);
  say('longest time without an answer meanwhile', rounds, ({ blockedLoading }) => blockedLoading);
  say('search through all of it', rounds, ({ search }) => search);
  say('longest time without an answer meanwhile', rounds, ({ blockedSearching }) => blockedSearching);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}

async function measure(from: Browser, path: string): Promise<Round> {
  const context = await from.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    // Tasks of less than 50 ms are not reported.
    Object.assign(window, { longest: 0 });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries())
        Object.assign(window, {
          longest: Math.max((window as unknown as { longest: number }).longest, duration),
        });
    }).observe({ type: 'longtask', buffered: true });
    // Looked for at each frame, as a reader would see it.
    const look = () => {
      const once = (name: string) => {
        if (performance.getEntriesByName(name).length === 0) performance.mark(name);
      };
      if (document.querySelector('.log-text') !== null) once('first');
      if (document.querySelector('.log-line.current') !== null) once('all');
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`file://${path}#/i/${ID}/1?view=log`);
  await page.locator('.log-line.current').waitFor();
  await page.waitForFunction(() => performance.getEntriesByName('all').length > 0);
  const markOf = (name: string) =>
    page.evaluate((one) => performance.getEntriesByName(one)[0]?.startTime ?? Number.NaN, name);
  const loading = {
    firstLines: await markOf('first'),
    allLines: await markOf('all'),
    blockedLoading: await blocked(page),
  };
  await page.getByRole('searchbox').fill('needle');
  const begin = performance.now();
  await page.getByText(`1 of ${AT.needle.length} lines`, { exact: true }).waitFor();
  const search = performance.now() - begin;
  const blockedSearching = await blocked(page);
  await context.close();
  return { ...loading, search, blockedSearching };
}

/** The longest task since the last question, in ms; 0 for less than 50. */
function blocked(page: Page): Promise<number> {
  return page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { longest } = window as unknown as { longest: number };
    Object.assign(window, { longest: 0 });
    return longest;
  });
}

function say(what: string, rounds: readonly Round[], read: (round: Round) => number): void {
  const sorted = rounds.map(read).toSorted((a, b) => a - b);
  const ms = (value: number | undefined) => `${value?.toFixed(0)} ms`;
  console.log(`  ${what}: median ${ms(sorted[Math.floor(sorted.length / 2)])}, at most ${ms(sorted.at(-1))}`);
}
