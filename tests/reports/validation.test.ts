import { expect, test } from '@jest/globals';
import { renderTable, renderValidation, reporters } from '../../reports/index.js';
import { summarise, type ValidationEntry } from '../../src/index.js';
import { instance, runResults, verdict } from './run-results.js';

function entry(instanceId: string, fields: Partial<ValidationEntry> = {}): ValidationEntry {
  return {
    instanceId,
    rowHash: 'row',
    imageDigest: `sha256:${instanceId}`,
    profile: 'v5',
    graderVersion: '1',
    class: 'valid',
    tests: [],
    epochs: 3,
    resolved: { gold: 3, empty: 0 },
    date: '2026-11-20T10:00:00.000Z',
    machine: {},
    ...fields,
  };
}

const KNOWN = [
  entry('a__a-1'),
  entry('a__a-2', {
    class: 'flaky',
    reason: 'gold patch: resolved 2, unresolved (tests_failed) 1',
    tests: ['test_1', 'test_2', 'test_3', 'test_4'],
  }),
  entry('a__a-3', { class: 'gold_fails', reason: 'apply_failed: \u001b[2J|no' }),
];
const python = { imagePython: { requested: '3.6', has: '3.9.18' } };
const RESULTS = runResults(
  [instance('a__a-1'), instance('a__a-2'), instance('a__a-3'), instance('a__a-4')],
  [
    verdict('a__a-1', python),
    verdict('a__a-2', { outcome: 'unresolved' }),
    verdict('a__a-3'),
    verdict('a__a-4'),
  ],
);
const SUMMARY = summarise(RESULTS, KNOWN);

test('the terminal cites the validation under the official rate, and names what is unsound', () => {
  expect(renderTable(SUMMARY).split('\n\n')[1]).toMatchInlineSnapshot(`
"Pass@1  75.0 %  (3 of 4 instances; 95 % interval 30.1 to 95.4 %)
gold-valid on this machine: 1 of 4 (validated 2026-11-20, 3 epochs); 1 flaky; 1 gold patch fails; 1 not validated
        over those: 100.0 %  (1 of 1 instance)
        a__a-2: flaky: gold patch: resolved 2, unresolved (tests_failed) 1; tests: test_1, test_2, test_3 and 1 more
        a__a-3: gold patch fails: apply_failed:  [2J|no
Python differs from the recipe's for 1 instance: asked 3.6, has 3.9.18 (1)"
`);
});

test('report.md has both rates in one table, and each instance that is not gold-valid with its reason', () => {
  const content = reporters.md(RESULTS, SUMMARY)[0]?.content ?? '';
  const sections = content.split('\n\n');
  const of = (start: string) => sections.filter((section) => section.startsWith(start)).join('\n');
  expect(of('| denominator').split('\n').slice(2)).toMatchInlineSnapshot(`
[
  "| all chosen instances | 3 | 4 | 75.0 % | 30.1 to 95.4 % | 21.7 | 25.0 | - |",
  "| without infrastructure errors | 3 | 4 | 75.0 % | 30.1 to 95.4 % | 21.7 | 25.0 | - |",
  "| gold-valid instances alone | 1 | 1 | 100.0 % | 20.7 to 100.0 % | 0.0 | - | - |",
]
`);
  expect(of('Gold-valid')).toMatchInlineSnapshot(
    `"Gold-valid on this machine: 1 of 4 (validated 2026-11-20, 3 epochs); 1 flaky; 1 gold patch fails; 1 not validated"`,
  );
  expect(of('Python')).toMatchInlineSnapshot(
    `"Python differs from the recipe's for 1 instance: asked 3.6, has 3.9.18 (1)"`,
  );
  const at = sections.indexOf('## Instances that are not gold-valid here');
  expect(`\n${sections[at + 1]}`).toMatchInlineSnapshot(`
"
| instance | validation | why | in this run |
| --- | --- | --- | --- |
| \`a__a-2\` | flaky | gold patch: resolved 2, unresolved (tests\\_failed) 1; tests: test\\_1, test\\_2, test\\_3 and 1 more | unresolved |
| \`a__a-3\` | gold patch fails | apply\\_failed:  \\[2J\\|no | resolved |
| \`a__a-4\` | not validated |  | resolved |"
`);
});

test('report.json holds what the validation said', () => {
  const report = JSON.parse(reporters.json(RESULTS, SUMMARY)[0]?.content ?? '');
  expect(report.summary.validation).toMatchObject({ valid: ['a__a-1'], notValidated: ['a__a-4'] });
  expect(report.summary.validation.notValid[0]).toEqual(KNOWN[1]);
  expect(report.instances[0].attempts[0].imagePython).toEqual(python.imagePython);
});

test('without a validation one line gives the command, with the dataset as it was named', () => {
  const results = runResults([instance('a__a-1')], [verdict('a__a-1')], { options: { dataset: 'my.jsonl' } });
  const line = 'not validated on this machine: assay validate my.jsonl --epochs 3';
  expect(renderTable(summarise(results))).toContain(`\n${line}\n`);
});

test('the table of a validation counts the classes and gives each reason', () => {
  const validation = {
    schemaVersion: 1,
    dataset: 'verified',
    datasetRevision: 'local',
    datasetSha256: 'abc',
    date: '2026-11-20T10:00:00.000Z',
    entries: KNOWN,
  } as const;
  expect(`\n${renderValidation({ ...validation, entries: [...KNOWN] })}`).toMatchInlineSnapshot(`
"
gold patches and untouched trees of 3 instances of verified

valid               1
flaky               1
gold_fails          1
empty_resolves      0
infra               0

flaky           a__a-2  gold patch: resolved 2, unresolved (tests_failed) 1; tests: test_1, test_2, test_3 and 1 more
gold_fails      a__a-3  apply_failed:  [2J|no"
`);
});
