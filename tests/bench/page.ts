import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { results500, writeReport } from '../browser/run-500.js';
import { launch } from '../helpers/browser.js';

/** `npm run bench:page`: how soon a report of 500 instances is on the screen, and how soon it answers a key, in Chromium from `file://`. */
const ROUNDS = 10;
const KEYS = 'sympy__sympy';

const folder = await mkdtemp(join(tmpdir(), 'assay-bench-page-'));
const browser = await launch();
try {
  await measure('500 instances', { epochs: 1, logs: true });
  await measure('5000 attempts (500 instances, 10 each, no logs)', { epochs: 10, logs: false });
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}

async function measure(
  name: string,
  { epochs, logs }: { readonly epochs: number; readonly logs: boolean },
): Promise<void> {
  const path = await writeReport(results500({ epochs }), join(folder, String(epochs)), { logs });
  const opened: { time: number; busy: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) opened.push(await firstScreen(browser, path));
  const page = await browser.newPage();
  await page.goto(`file://${path}`);
  await page.locator('h1').waitFor();
  const keys: number[] = [];
  for (const key of [...KEYS, ...Array<string>(KEYS.length).fill('Backspace')])
    keys.push(await answer(page, key));
  const { size } = await stat(path);
  console.log(`${name}, page of ${(size / 1e6).toFixed(1)} MB:`);
  console.log(
    `  from navigation to the first screen painted: ${spread(opened.map(({ time }) => time))} (${ROUNDS} times)`,
  );
  console.log(
    `  CPU time of the page's thread, all rows and blobs included: ${spread(opened.map(({ busy }) => busy))}`,
  );
  console.log(`  from a key in the search field to the next frame: ${spread(keys)} (${keys.length} keys)`);
  await page.close();
}

/** ms from the start of the navigation until the heading and the table were painted, and of CPU time until all was loaded, in a context that has cached nothing. */
async function firstScreen(from: Browser, path: string): Promise<{ time: number; busy: number }> {
  const context = await from.newContext();
  const page = await context.newPage();
  await page.addInitScript(() => {
    const look = () => {
      // Two frames later what was found in this one is on the screen.
      if (document.querySelector('h1') === null || document.querySelector('table.instances') === null)
        requestAnimationFrame(look);
      else requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('first screen')));
    };
    requestAnimationFrame(look);
  });
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.goto(`file://${path}`);
  const time = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const ask = () => {
          const [mark] = performance.getEntriesByName('first screen');
          if (mark === undefined) setTimeout(ask, 20);
          else resolve(mark.startTime);
        };
        ask();
      }),
  );
  const { metrics } = await devtools.send('Performance.getMetrics');
  const busy = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
  await context.close();
  return { time, busy: 1000 * busy };
}

/** ms from the browser's own time of an input event until the frame that shows its result was made. */
async function answer(page: Page, key: string): Promise<number> {
  const field = page.getByRole('searchbox');
  await field.focus();
  const answered = await field.evaluateHandle((element) => ({
    // In an object, as a promise itself would be waited for.
    time: new Promise<number>((resolve) => {
      const measure = ({ timeStamp }: Event) =>
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          // A message that is sent before a frame is made arrives after it.
          channel.port1.onmessage = () => resolve(performance.now() - timeStamp);
          channel.port2.postMessage(undefined);
        });
      element.addEventListener('input', measure, { once: true });
    }),
  }));
  await page.keyboard.press(key);
  return answered.evaluate(({ time }) => time);
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const ms = (value: number | undefined) => `${value?.toFixed(0)} ms`;
  return `median ${ms(sorted[Math.ceil(sorted.length / 2) - 1])}, at most ${ms(sorted.at(-1))}`;
}
