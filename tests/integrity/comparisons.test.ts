import { describe, expect, test } from '@jest/globals';
import { changedComparisons } from '../../src/integrity/comparisons.js';

const diff = (...lines: string[]) =>
  ['diff --git a/a.py b/a.py', '--- a/a.py', '+++ b/a.py', '@@ -1,9 +1,9 @@', ...lines].join('\n');

describe('changed methods that compare', () => {
  test.each([
    [
      'a line in its body',
      ['     def __eq__(self, other):', '         """Doc."""', '-        return a', '+        return b'],
    ],
    [
      'a line far below, in a block',
      [
        '     def __eq__(self, other):',
        ...Array(50).fill('         x = 1'),
        '         if x:',
        '-            y',
      ],
    ],
    ['its own line', ['-    def __eq__(self, other):', '         return 1']],
    ['a function within it', ['     def __eq__(self, other):', '         def f():', '+            return 1']],
    [
      'a line behind text that stands further left',
      ['     def __eq__(self, other):', ' """', ' text', ' """', '+        return 1'],
    ],
  ])('are found by %s', (_, lines) => {
    expect(changedComparisons(diff(' class A:', ...lines))).toEqual(['def __eq__(self, other):']);
  });

  test.each([
    [
      'the method behind it',
      ['     def __eq__(self, other):', '         return 1', ' ', '     def f(self):', '+        return 2'],
    ],
    ['the class around it', ['     def __eq__(self, other):', '         return 1', '+    size = 2']],
    ['a method of another name', ['     def equals(self, other):', '+        return 1']],
    [
      'another file',
      [
        '     def __eq__(self, other):',
        '         return 1',
        'diff --git a/b.py b/b.py',
        '@@ -1,2 +1,3 @@',
        ' x = [',
        '+    1,',
      ],
    ],
  ])('are none where %s changes', (_, lines) => {
    expect(changedComparisons(diff(' class A:', ...lines))).toEqual([]);
  });
});
