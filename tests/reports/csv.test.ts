import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reporters } from '../../reports/index.js';
import { type RunResults, summarise } from '../../src/index.js';
import { instance, MIXED, runResults, verdict } from './run-results.js';

function csv(results: RunResults): string {
  const [file] = reporters.csv(results, summarise(results));
  expect(file?.path).toBe('report.csv');
  return file?.content ?? '';
}

/** A reader of RFC 4180 as strict as the writer should be. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let rest = text;
  let row: string[] = [];
  while (rest !== '') {
    const cell = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest);
    if (cell === null) throw new Error(`not RFC 4180 at ${JSON.stringify(rest.slice(0, 40))}`);
    row.push(cell[1]?.replaceAll('""', '"') ?? cell[2] ?? '');
    if (cell[3] === '\r\n') {
      rows.push(row);
      row = [];
    }
    rest = rest.slice(cell[0].length);
  }
  return rows;
}

describe('report.csv', () => {
  test('has a line per attempt, and one for what has no verdict', () => {
    const rows = parse(csv(MIXED));
    const [head, ...lines] = rows;
    const column = (name: string) => lines.map((line) => line[head?.indexOf(name) ?? -1]);
    expect(column('instance_id')).toEqual(MIXED.instances.map(({ instanceId }) => instanceId));
    expect(column('outcome')).toEqual([
      'resolved',
      'unresolved',
      'invalid',
      'invalid',
      'unresolved',
      'infra_error',
      'unresolved',
      'no_prediction',
      'missing',
    ]);
    expect(column('seconds').slice(0, 1)).toEqual(['2.25']);
    expect(column('fail_to_pass_passed').slice(0, 3)).toEqual(['1', '0', '']);
  });

  test('looks like this', () => {
    const results = runResults(
      [instance('a__a-1')],
      [verdict('a__a-1', { outcome: 'unresolved', detail: 'said "no", twice' })],
    );
    expect(`\n${csv(results)}`.replaceAll('\r', '')).toMatchInlineSnapshot(`
"
instance_id,repo,difficulty,attempt,model,outcome,reason,strict_resolved,strict_reason,phase,fail_to_pass_passed,fail_to_pass_total,pass_to_pass_passed,pass_to_pass_total,applied_with,exit_code,seconds,test_seconds,tries,profile,grader_version,engine,isolation,network,image,image_digest,patch_sha256,notes,finished_at,detail
a__a-1,a/a,,1,acme/solver,unresolved,tests_failed,,,,0,1,1,1,,1,2.25,2,1,v5,1,docker,"container, no network",false,sweb.eval.a__a-1,sha256:a__a-1,patch,,2026-11-22T12:00:00.000Z,"said ""no"", twice"
"
`);
  });

  test('keeps any text readable, and no cell starts a formula', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('', '=', '+', '-', '@', '\t', '"'),
        (tail, start) => {
          const detail = start + tail;
          const text = csv(runResults([instance('a__a-1')], [verdict('a__a-1', { detail })]));
          const [head, line, ...more] = parse(text);
          expect(more).toEqual([]);
          expect(line).toHaveLength(head?.length ?? 0);
          const cell = line?.at(-1) ?? '';
          expect(cell).toBe(/^[=+\-@\t]/.test(detail) ? `'${detail}` : detail);
        },
      ),
    );
  });
});
