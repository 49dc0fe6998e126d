import { describe, expect, test } from '@jest/globals';
import { sweRebenchV1 } from '../../datasets/swe-rebench/index.js';
import { toInstances } from '../../src/dataset/format.js';
import { applyRecipe, type Recipe, type Rule } from '../../src/dataset/recipe.js';
import { plainRow, rowHash, rowLine } from '../../src/dataset/row.js';
import { ROW_V1 } from './fixtures/rows.js';

/** Drops what its list of numbers has, and can't tell of those that `unknown` has. */
const rule = (name: string, drops: readonly number[], more: Partial<Rule> & { unknown?: number[] } = {}) => ({
  name,
  drops: 'some',
  judge: ({ row }: { row: Readonly<Record<string, unknown>> }) => {
    if (drops.includes(Number(row['n']))) return { drop: `has ${row['n']}` };
    return more.unknown?.includes(Number(row['n'])) === true ? ('not_known' as const) : ('keep' as const);
  },
  ...more,
});

function filter(rules: readonly Rule[], hasValidation = false) {
  const recipe: Recipe = { name: 'made-up', version: 1, rules, note: '' };
  const rows = [1, 2, 3, 4].map((n) => ({ ...ROW_V1, instance_id: `demo__adder-${n}`, n }));
  const instances = toInstances({ rows, formats: [sweRebenchV1], file: 'rows' });
  const candidates = instances.map((instance, index) => ({ instance, row: rows[index] ?? {} }));
  const { kept, dropped, counts } = applyRecipe({ recipe, candidates, hasValidation });
  return { kept: kept.map(({ instanceId }) => instanceId), dropped, counts };
}

describe('a recipe', () => {
  test('counts a row for the first rule that drops it, and what each rule would drop alone', () => {
    expect(filter([rule('a', [2]), rule('b', [2, 4], { unknown: [1, 3] })])).toEqual({
      kept: ['demo__adder-1', 'demo__adder-3'],
      dropped: [
        { instanceId: 'demo__adder-2', rule: 'a', reason: 'has 2' },
        { instanceId: 'demo__adder-4', rule: 'b', reason: 'has 4' },
      ],
      counts: [
        { rule: 'a', isApplied: true, dropped: 1, alone: 1, notKnown: 0 },
        { rule: 'b', isApplied: true, dropped: 1, alone: 2, notKnown: 2 },
      ],
    });
  });

  test('leaves a rule that needs a validation out when there is none', () => {
    const needy = rule('needy', [1, 2, 3, 4], { needsValidation: true });
    expect(filter([needy]).counts).toEqual([
      { rule: 'needy', isApplied: false, dropped: 0, alone: 0, notKnown: 0 },
    ]);
    expect(filter([needy]).kept).toHaveLength(4);
    expect(filter([needy], true).kept).toEqual([]);
  });
});

test('a row of any reader becomes a line of JSON with its nulls and of the same hash', () => {
  const row = {
    none: null,
    small: 12n,
    large: 2n ** 60n,
    day: new Date('2025-05-03T10:00:00Z'),
    bytes: Uint8Array.of(1, 2),
    text: 'a\n\ud83d\ude00',
    inner: [{ none: null }],
  };
  const line = rowLine(row);
  expect(line).toMatch(
    /^\{"none":null,"small":12,"large":"1152921504606846976",.*"inner":\[\{"none":null\}\]\}$/,
  );
  expect(rowHash(plainRow(JSON.parse(line)))).toBe(rowHash(plainRow(row)));
});
