import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ERRORS } from '../src/index.js';
import { packageRoot } from '../src/util/package.js';

const WHOSE = { model: 'the patch', infra: 'the machine', input: 'the input', ours: 'assay' } as const;

describe('docs/errors.md', () => {
  test('has exactly the rows of the error table', () => {
    const rows = Object.entries(ERRORS).map(
      ([code, { class: whose, retryable, fix }]) =>
        `| \`${code}\` | ${WHOSE[whose]} | ${retryable ? 'yes' : 'no'} | ${fix} |`,
    );
    const text = readFileSync(join(packageRoot(), 'docs', 'errors.md'), 'utf8');
    const written = text.split('\n').filter((line) => line.startsWith('| `'));
    expect(written.map((line) => line.replace(/ +/g, ' '))).toEqual(rows);
  });
});
