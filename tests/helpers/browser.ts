import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** True where pages can be tried; with `ASSAY_REQUIRE_BROWSER=1` a missing Chromium is an error, not a reason to skip. */
export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser && process.env['ASSAY_REQUIRE_BROWSER'] === '1')
  throw new Error(`${CHROMIUM} is missing: apt-get install chromium`);

/** Debian's Chromium without a window. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}
