import { describe, expect, test } from '@jest/globals';
import { pairFiles, parseDiff } from '../../../reports/html/app/parts/diff-lines.js';

const PATCH = `diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,3 +1,4 @@ def f():
 one
-two
+2
+zwei

@@ -10 +11 @@
-x
\\ No newline at end of file
+y
\\ No newline at end of file
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+hello
`;

describe('a unified diff', () => {
  test('has the lines of each hunk with their numbers in both files', () => {
    const [file, added] = parseDiff(PATCH) ?? [];
    expect(file).toMatchObject({ path: 'src/a.py', added: 3, removed: 2, notes: [] });
    expect(file?.hunks.map(({ head }) => head)).toEqual(['@@ -1,3 +1,4 @@ def f():', '@@ -10 +11 @@']);
    expect(file?.hunks[0]?.lines).toEqual([
      { sign: ' ', text: 'one', old: 1, new: 1 },
      { sign: '-', text: 'two', old: 2 },
      { sign: '+', text: '2', new: 2 },
      { sign: '+', text: 'zwei', new: 3 },
      { sign: ' ', text: '', old: 3, new: 4 },
    ]);
    expect(file?.hunks[1]?.lines.map(({ sign }) => sign)).toEqual(['-', '\\', '+', '\\']);
    expect(added).toMatchObject({ path: 'new.txt', notes: ['new file mode 100644'], added: 1, removed: 0 });
  });

  test('needs no line of git, and its paths may be quoted', () => {
    const [file] =
      parseDiff('--- "a/\\303\\244 b.txt"\n+++ "b/\\303\\244 b.txt"\n@@ -1 +1 @@\n-a\n+b\n') ?? [];
    expect(file?.path).toBe('ä b.txt');
  });

  test('names a file that is deleted or renamed', () => {
    const text = `diff --git a/x b/x
deleted file mode 100644
--- a/x
+++ /dev/null
@@ -1 +0,0 @@
-a
diff --git a/long b/longer
similarity index 100%
rename from long
rename to longer
`;
    expect(parseDiff(text)?.map(({ path }) => path)).toEqual(['x', 'longer']);
  });

  test('ends with the signature of format-patch, with a blank line, or without a line end', () => {
    const one = '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b';
    for (const end of ['', '\n', '\n\n', '\n-- \n2.39.5\n\n']) expect(parseDiff(one + end)).toHaveLength(1);
  });

  test.each([
    ['words', 'I changed nothing.'],
    ['a hunk alone', '@@ -1 +1 @@\n-a\n+b\n'],
    ['a hunk that is too short', '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n'],
    ['a hunk that is too long', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n'],
    ['a hunk with a line of no sign', '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\nb\n'],
    ['one file twice', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/x\n+++ b/x\n@@ -9 +9 @@\n-a\n+b\n'],
    ['nothing', ''],
  ])('is shown as it is where it is none: %s', (_name, text) => {
    expect(parseDiff(text)).toBeUndefined();
  });
});

test('files that both patches touch come first, then those of the submitted one, then those of gold', () => {
  const file = (path: string) => ({ path, notes: [], hunks: [], added: 0, removed: 0 });
  const pairs = pairFiles([file('__proto__'), file('b')], [file('c'), file('b')]);
  expect(pairs.map(({ path, submitted, gold }) => [path, submitted?.path, gold?.path])).toEqual([
    ['b', 'b', 'b'],
    ['__proto__', '__proto__', undefined],
    ['c', undefined, 'c'],
  ]);
});
