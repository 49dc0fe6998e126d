import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { renderToString } from 'preact-render-to-string';
import { chartFile } from '../../reports/charts/file.js';
import { PAGE_STYLE } from '../../reports/charts/style.js';
import { describeInBrowser, launch } from '../helpers/browser.js';
import { SAMPLES } from '../reports/charts/samples.js';

describeInBrowser('charts as files', () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    browser = await launch();
    page = await browser.newPage();
  });
  afterAll(() => browser?.close());

  it.each(Object.entries(SAMPLES))('are well-formed XML without a script: %s', async (_, sample) => {
    for (const chart of sample()) {
      const { content } = chartFile(chart);
      const found = await page.evaluate((text) => {
        const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
        return {
          root: `${root.namespaceURI} ${root.nodeName}`,
          errors: root.querySelector('parsererror')?.textContent ?? '',
          scripts: root.querySelectorAll('script').length,
          handlers: [...root.querySelectorAll('*')].filter((one) =>
            [...one.attributes].some(({ name }) => name.startsWith('on')),
          ).length,
        };
      }, content);
      expect(found).toEqual({
        ...{ root: 'http://www.w3.org/2000/svg svg', errors: '', scripts: 0, handlers: 0 },
      });
    }
  });

  it('keep text of a run inside the image, at the width of a page and of a phone', async () => {
    for (const name of ['a run with every outcome', 'repeated attempts', 'three runs of many']) {
      for (const { id, draw } of SAMPLES[name]?.() ?? []) {
        for (const width of [358, 728]) {
          await page.setContent(`<style>${PAGE_STYLE}</style>${renderToString(draw(width))}`);
          const outside = await page.evaluate(() => {
            const box = document.querySelector('svg')?.getBoundingClientRect();
            return [...document.querySelectorAll('svg text')]
              .filter((one) => {
                const { left, right } = one.getBoundingClientRect();
                return left < (box?.left ?? 0) - 1 || right > (box?.right ?? 0) + 1;
              })
              .map(({ textContent }) => textContent);
          });
          expect([name, id, width, outside]).toEqual([name, id, width, []]);
        }
      }
    }
  });
});
