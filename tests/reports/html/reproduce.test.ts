import { describe, expect, test } from '@jest/globals';
import { reproduce } from '../../../reports/html/reproduce.js';
import { runResults, verdict } from '../run-results.js';

const of = (settings: Parameters<typeof runResults>[2]) =>
  reproduce(runResults([], [], settings).manifest, verdict('a__a-1'));
const IMPORTED = { engine: 'imported', timeoutSeconds: 0 };

describe('the commands that judge an instance again', () => {
  test('repeat the flags of the run for the one instance, and open its container', () => {
    expect(
      of({ options: { dataset: 'verified', predictions: 'p q.jsonl', gold: false, repo: ['a/a'] } }),
    ).toEqual([
      "assay eval verified --revision c104f84 --id a__a-1 --profile v5 --timeout 1800 --predictions 'p q.jsonl' --no-gold",
      'assay shell a__a-1 --dataset verified',
    ]);
  });

  test('of an imported run take its predictions, if it has any', () => {
    expect(of({ ...IMPORTED, options: { dataset: 'verified', predictions: 'p.jsonl' } })[0]).toBe(
      'assay eval verified --revision c104f84 --id a__a-1 --profile v5 --predictions p.jsonl',
    );
    expect(of({ ...IMPORTED, options: { dataset: 'verified' } })).toEqual([
      'assay shell a__a-1 --dataset verified',
    ]);
  });
});
