import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { packageRoot } from '../../src/util/package.js';
import { documents } from '../helpers/documents.js';

const pages = documents().filter(({ path }) => /^(?:docs\/[^/]+|SECURITY)\.md$/.test(path));
const guides = pages
  .filter(({ path }) => path.startsWith('docs/guide-'))
  .map(({ path, text }) => {
    const { children } = parse(text.split('---\n')[1] ?? '') as { readonly children: readonly string[] };
    return { path, text, children };
  });

describe('the guides, by which the site is ordered', () => {
  test('hold every page once', () => {
    const held = guides.flatMap(({ children }) => children.map((child) => normalize(join('docs', child))));
    const others = pages.map(({ path }) => path).filter((path) => !path.startsWith('docs/guide-'));
    expect(held.sort()).toEqual(others.sort());
  });

  test('say of each of their pages what it is for', () => {
    const unsaid = guides.flatMap(({ path, text, children }) =>
      children.filter((child) => !text.includes(`](${child}) |`)).map((child) => `${path}: ${child}`),
    );
    expect(unsaid).toEqual([]);
  });

  test('are all on the site, and so are their pages in the README', () => {
    const site = JSON.parse(readFileSync(join(packageRoot(), 'typedoc.json'), 'utf8'));
    expect([...site.projectDocuments].sort()).toEqual(guides.map(({ path }) => path).sort());
    const readme = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
    expect(pages.filter(({ path }) => !readme.includes(`(${path})`)).map(({ path }) => path)).toEqual([]);
  });
});
