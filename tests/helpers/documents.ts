import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/util/package.js';

/** A text of the documentation; `path` is relative to the package. */
export interface Document {
  readonly path: string;
  readonly text: string;
}

const FOLDERS = ['docs', 'src', 'datasets', 'benchmarks', 'plugins', 'reports'];

/** README.md, SECURITY.md, everything of `docs/`, and the READMEs of the folders. */
export function documents(): readonly Document[] {
  const below = FOLDERS.flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && (folder === 'docs' || name.endsWith('README.md')))
      .filter((name) => !name.includes('node_modules') && !name.startsWith(join('sample', 'repos')))
      .map((name) => join(folder, name)),
  );
  return ['README.md', 'SECURITY.md', ...below].sort().map((path) => ({ path, text: read(path) }));
}

function read(path: string): string {
  return readFileSync(join(packageRoot(), path), 'utf8');
}

/** Lines of code blocks, fenced or indented; a line that ends with `\` is joined to the next. */
export function codeLines(text: string): readonly string[] {
  let fenced = false;
  const lines = text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => {
      const fence = /^\s*```/.test(line);
      if (fence) fenced = !fenced;
      return !fence && (fenced || /^(?: {4}|\t)/.test(line));
    });
  return lines.map((line) => line.trim());
}

/** The text without its code blocks. */
export function prose(text: string): string {
  return text.replace(/^\s*```[\s\S]*?^\s*```$/gm, '').replace(/^(?: {4}|\t).*$/gm, '');
}
