import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** True where pages can be tried; with `ASSAY_REQUIRE_BROWSER=1` a missing Chromium is an error, not a reason to skip. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser && process.env['ASSAY_REQUIRE_BROWSER'] === '1')
  throw new Error(`${CHROMIUM} is missing: apt-get install chromium`);

/** Tests of pages; without a Chromium they are skipped, and their name says why. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (hasBrowser) describe(name, tests);
  else describe.skip(`${name} (skipped: no Chromium at ${CHROMIUM})`, tests);
}

/** Debian's Chromium without a window. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

const AXE = fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url));

/** What axe-core finds wrong with a page as it stands, a line each. The page's context must have `bypassCSP`, for axe alone. */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: AXE });
  const violations = await page.evaluate<readonly AxeViolation[]>(
    'axe.run().then((found) => found.violations)',
  );
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}
