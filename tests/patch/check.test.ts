import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkPatch } from '../../src/patch/check.js';

/** What git prints after `change` was made to a small repository. */
function diffOf(change: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'assay-diff-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  try {
    mkdirSync(join(folder, 'dir with space'));
    writeFileSync(join(folder, 'a.txt'), 'one\n-- two\nthree\n'.repeat(5));
    writeFileSync(join(folder, 'dir with space', 'ä "q".txt'), 'text\n');
    writeFileSync(join(folder, 'pic.bin'), Buffer.from([0, 1, 2]));
    git('init', '-q');
    git('add', '-A');
    git('commit', '-qm', 'x');
    change(folder);
    git('add', '-A');
    return git('diff', '--cached', '--binary', '-M');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const file = {
  change: 'modified',
  modeChanged: false,
  binary: false,
  hunks: 0,
  added: [],
};

describe('the files that a patch touches, by diffs of git itself', () => {
  test('a changed file whose removed line looks like a header', () => {
    const text = diffOf((f) => writeFileSync(join(f, 'a.txt'), 'one\n++ b/x\nthree\n'));
    expect(text).toContain('\n--- two\n');
    expect(checkPatch(text)).toEqual({
      files: [{ ...file, oldPath: 'a.txt', newPath: 'a.txt', hunks: 1, added: ['++ b/x'] }],
      notes: [],
    });
  });
  test('a quoted path with spaces', () => {
    const path = 'dir with space/ä "q".txt';
    const text = diffOf((f) => writeFileSync(join(f, path), 'other\n'));
    expect(checkPatch(text).files).toEqual([
      { ...file, oldPath: path, newPath: path, hunks: 1, added: ['other'] },
    ]);
  });
  test('a rename, and one with a change', () => {
    const text = diffOf((f) => renameSync(join(f, 'a.txt'), join(f, 'b c.txt')));
    expect(checkPatch(text).files).toEqual([
      { ...file, change: 'renamed', oldPath: 'a.txt', newPath: 'b c.txt' },
    ]);
  });
  test('an added, an added empty and a deleted file', () => {
    const text = diffOf((f) => {
      writeFileSync(join(f, 'new file.txt'), 'x\n');
      writeFileSync(join(f, 'zero.txt'), '');
      rmSync(join(f, 'a.txt'));
    });
    expect(checkPatch(text).files).toEqual([
      { ...file, change: 'deleted', oldPath: 'a.txt', hunks: 1 },
      { ...file, change: 'added', newPath: 'new file.txt', hunks: 1, mode: '100644', added: ['x'] },
      { ...file, change: 'added', newPath: 'zero.txt', mode: '100644' },
    ]);
  });
  test('a mode change and a binary file', () => {
    const text = diffOf((f) => {
      chmodSync(join(f, 'a.txt'), 0o755);
      writeFileSync(join(f, 'pic.bin'), Buffer.from([0, 5]));
    });
    expect(checkPatch(text).files).toEqual([
      { ...file, oldPath: 'a.txt', newPath: 'a.txt', modeChanged: true, mode: '100755' },
      { ...file, oldPath: 'pic.bin', newPath: 'pic.bin', binary: true },
    ]);
  });
  test('several files without git headers, with time stamps and CRLF', () => {
    const text =
      '--- a/x.py\t2024-01-01\n+++ b/x.py\t2024-01-02\n@@ -1 +1 @@\n-a\n+b\n--- a/y.py\n+++ b/y.py\n@@ -1 +1 @@\n-a\n+b\n';
    const expected = ['x.py', 'y.py'].map((path) => ({
      ...file,
      oldPath: path,
      newPath: path,
      hunks: 1,
      added: ['b'],
    }));
    expect(checkPatch(text).files).toEqual(expected);
    expect(checkPatch(text.replaceAll('\n', '\r\n')).files).toEqual(expected);
  });
});

describe('notes and defects', () => {
  const diff = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n';
  const codes = (text: string | null) => checkPatch(text).notes.map((note) => note.split(':')[0]);
  test.each<[string, string, string[]]>([
    ['a clean diff', diff, []],
    ['white space', ' \n\t\n', ['whitespace_only']],
    ['prose', 'I could not do it.\n', ['no_diff']],
    ['a fence', `\`\`\`diff\n${diff}\`\`\``, ['fenced', 'no_final_newline']],
    ['CRLF', diff.replaceAll('\n', '\r\n'), ['crlf']],
    ['no newline at the end', diff.slice(0, -1), ['no_final_newline']],
    ['NUL bytes', diff.replace('+b', '+\0'), ['nul_bytes']],
  ])('%s is noted, not judged', (_what, text, expected) => {
    expect(codes(text)).toEqual(expected);
    expect(checkPatch(text).defect).toBeUndefined();
  });
  test('nothing at all is a defect, and so is text that no file can hold', () => {
    expect(checkPatch(null).defect).toBe('empty patch');
    expect(checkPatch('').defect).toBe('empty patch');
    expect(checkPatch(`${diff}\ud800`).defect).toMatch(/surrogate/);
    expect(checkPatch(`${diff}😀`).defect).toBeUndefined();
  });
});

test('any text: a result in linear time, never an exception', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'diff --git ',
      'a/x b/x',
      '"a/\\303',
      '--- ',
      '+++ ',
      '@@ -1,3 +1,3 @@',
      '@@ -9999999999999999999 +1 @@',
    ),
    fc.constantFrom(
      '\n',
      '\r\n',
      '\t',
      '"',
      '\\',
      '/dev/null',
      'rename from ',
      'GIT binary patch',
      '```',
      ' ',
      '-',
      '+',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      for (const { hunks } of checkPatch(pieces.join('')).files) expect(hunks).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 5000 },
  );
  const start = performance.now();
  for (const line of [
    'diff --git "a',
    '--- "a\\',
    '@@ -1 +1 @@\n',
    'a'.repeat(50),
    '```',
    'diff --git a a a a ',
  ])
    checkPatch(line.repeat(200_000));
  expect(performance.now() - start).toBeLessThan(10_000);
});
