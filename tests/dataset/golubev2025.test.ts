import { describe, expect, test } from '@jest/globals';
import { golubev2025, sweRebenchV1 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { applyRecipe } from '../../src/dataset/recipe.js';
import type { ValidationEntry } from '../../src/model/validation.js';
import { ROW_V1 } from './fixtures/rows.js';

const SCORES = { difficulty_score: 1, issue_text_score: 2, test_score: 0 };

/** What one rule says of one row: `keep`, `not known`, or why it is dropped. */
function ruling(name: string, row: Readonly<Record<string, unknown>>, validation?: ValidationEntry): string {
  const rules = golubev2025.rules.filter((rule) => rule.name === name);
  const whole = { ...ROW_V1, ...row };
  const [instance] = toInstances({ rows: [whole], formats: [sweRebenchV1], file: 'rows' });
  if (instance === undefined) throw new Error('no instance');
  const candidates = [{ instance, row: whole, ...(validation === undefined ? {} : { validation }) }];
  const recipe = { ...golubev2025, rules };
  const { dropped, counts } = applyRecipe({ recipe, candidates, hasValidation: true });
  return dropped[0]?.reason ?? (counts[0]?.notKnown === 1 ? 'not known' : 'keep');
}

/** A patch as git writes it: so many files, each with the given lines in its one hunk. */
const patch = (files: number, lines: readonly string[]) =>
  Array.from(
    { length: files },
    (_, n) =>
      `diff --git a/f${n} b/f${n}\nindex 1..2 100644\n--- a/f${n}\n+++ b/f${n}\n@@ -1,9 +1,9 @@ def f\n${lines.map((line) => `${line}\n`).join('')}`,
  ).join('');

describe('the size of the gold patch', () => {
  test.each([
    ['7 files', patch(7, [' same', '+new']), 'keep'],
    ['8 files', patch(8, [' same', '+new']), '8 files'],
    ['499 lines', patch(1, Array(499).fill('+new')), 'keep'],
    [
      '500 lines, added and removed',
      patch(2, Array(125).fill('+new').concat(Array(125).fill('-old'))),
      '500 lines',
    ],
    ['500 lines of context', patch(1, ['+new', ...Array(500).fill(' same')]), 'keep'],
    [
      'changed lines that look like headers',
      patch(1, Array(250).fill(['--- a', '+++ b']).flat()),
      '500 lines',
    ],
    [
      'a file that is only renamed',
      'diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n',
      'keep',
    ],
    ['a binary file', `diff --git a/a b/a\nGIT binary patch\nliteral 9\n${'+x\n'.repeat(600)}`, 'keep'],
    ['no diff', 'see the issue', 'not known'],
    ['nothing', '', 'not known'],
  ])('%s', (_, text, expected) => {
    expect(ruling('patch_size', { patch: text })).toBe(expected);
  });
});

describe('names that tests miss', () => {
  test.each([
    [{ errors: ['AttributeError'] }, 'AttributeError'],
    [{ failures: { 'test_a.py::test_a': "ImportError: cannot import name 'x'" } }, 'ImportError'],
    [{ failures: [{ test: 'test_a', text: 'E   builtins.ModuleNotFoundError' }] }, 'ModuleNotFoundError'],
    [{ AttributeError: 2 }, 'AttributeError'],
    [{ AttributeError: false, ImportError: 0 }, 'not known'],
    [{ errors: ['AssertionError', 'MyAttributeError'] }, 'keep'],
    [{ llm_metadata: { reasoning: 'The issue is an AttributeError.' } }, 'not known'],
    [{ failed_lite_validators: ['has_many_hunks'], llm_score: SCORES }, 'not known'],
    [{}, 'not known'],
    [undefined, 'not known'],
    [null, 'not known'],
    ['AttributeError', 'not known'],
    [[1], 'not known'],
  ])('metadata %j', (meta, expected) => {
    expect(ruling('missing_names', { meta })).toBe(expected);
  });
});

describe('scores of an LLM', () => {
  test.each([
    [SCORES, 'keep'],
    [{ ...SCORES, test_score: 3 }, '3 for test_score'],
    [{ ...SCORES, difficulty_score: '3.0' }, '3 for difficulty_score'],
    [{ issue_text_score: 3, test_score: 3 }, '3 for issue_text_score, test_score'],
    [{ ...SCORES, another_score: 3 }, '3 for another_score'],
    [{ difficulty_score: 1 }, 'not known'],
    [{ ...SCORES, test_score: null }, 'not known'],
    [{ ...SCORES, test_score: 'good' }, 'not known'],
    [{ ...SCORES, test_score: 2.9 }, 'keep'],
    [{}, 'not known'],
    [null, 'not known'],
    [3, 'not known'],
  ])('%j', (scores, expected) => {
    expect(ruling('llm_score', { meta: { llm_score: scores } })).toBe(expected);
  });

  test('are not known of a row without metadata', () => {
    expect(ruling('llm_score', {})).toBe('not known');
  });
});

describe('determinism', () => {
  const entry = (more: Partial<ValidationEntry>): ValidationEntry => ({
    instanceId: 'demo__adder-1',
    rowHash: '',
    profile: 'rebench-v1',
    graderVersion: '1',
    class: 'valid',
    tests: [],
    epochs: 50,
    resolved: { gold: 50, empty: 0 },
    date: '2026-01-01T00:00:00.000Z',
    machine: {},
    ...more,
  });

  test.each([
    [undefined, 'not known'],
    [entry({}), 'keep'],
    [entry({ class: 'infra', reason: 'engine_failed' }), 'not known'],
    [entry({ class: 'flaky', reason: 'gold patch: resolved 49' }), 'flaky: gold patch: resolved 49'],
    [entry({ class: 'gold_fails', reason: 'tests_failed' }), 'gold_fails: tests_failed'],
    [entry({ class: 'empty_resolves' }), 'empty_resolves'],
  ])('%j', (validation, expected) => {
    expect(ruling('determinism', {}, validation)).toBe(expected);
  });
});
