import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { packageRoot } from '../../src/util/package.js';
import { type Document, documents, prose } from '../helpers/documents.js';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;

describe('links in the documentation lead somewhere', () => {
  const pages = documents().filter((page) => linksOf(page).length > 0);

  test.each(pages.map((page) => [page.path, page] as const))('%s', (_, page) => {
    expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });
});

test('a link to a file or heading that is not there is found', () => {
  const page = { path: 'docs/x.md', text: '# A heading: `code`\n' };
  const leads = (link: string) => leadsSomewhere(page, link);
  expect(['reports.md', '../README.md#two-commands', '#a-heading-code'].every(leads)).toBe(true);
  expect(['report.md', '../README.md#three-commands', '#another'].some(leads)).toBe(false);
});

function linksOf({ text }: Document): readonly string[] {
  const links = [...prose(text).matchAll(LINK)].map(([, target = '']) => target);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere({ path, text }: Document, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = join(packageRoot(), normalize(join(dirname(path), file)));
  if (file !== '' && !existsSync(target)) return false;
  if (anchor === undefined) return true;
  return anchorsOf(file === '' ? text : readFileSync(target, 'utf8')).includes(anchor);
}

/** The anchors of headings, as GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
