import type { Page } from './model.js';

/** What a page is about. */
export function titleOf(page: Page): string {
  switch (page.kind) {
    case 'run':
      return `${page.summary.model} on ${page.summary.dataset}`;
    case 'training':
      return page.name;
    case 'compare':
      return 'Comparison';
  }
}
