import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { reporters } from '../../reports/index.js';
import { type RunResults, summarise } from '../../src/index.js';
import { CLEAN, instance, MIXED, PULL_LIMITED, runResults, TAMPERED, verdict } from './run-results.js';

function markdown(results: RunResults): string {
  const [file] = reporters.md(results, summarise(results));
  expect(file?.path).toBe('report.md');
  return file?.content ?? '';
}

describe('report.md', () => {
  test('of an unfinished run is headed incomplete and lists what to do', () => {
    expect(`\n${markdown(MIXED)}`).toMatchInlineSnapshot(`
"
# INCOMPLETE: acme/solver on verified

> **These numbers are not final.**
> - 1 attempt failed for the machine's fault
> - 1 planned attempt without a verdict

**Pass@1 11.1 %**, 95 % interval 2.0 to 43.5 %, 1 of 9 instances.

| denominator | resolved | of | rate | 95 % interval | s.e. binomial | s.e. instances | s.e. by repository |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| all chosen instances | 1 | 9 | 11.1 % | 2.0 to 43.5 % | 10.5 | 11.1 | 11.9 |
| without infrastructure errors | 1 | 7 | 14.3 % | 2.6 to 51.3 % | 13.2 | 14.3 | 16.3 |

The interval is Wilson's; standard errors are in percentage points, the last one clustered by repository.

1 instance without a prediction, counted as not resolved.

Not validated on this machine: assay validate verified --epochs 3

## Conditions

| what | value |
| --- | --- |
| dataset | verified, revision \`c104f84\` |
| dataset sha256 | \`d5\` |
| options | \`{}\` |
| predictions | preds.jsonl, sha256 \`e7\` |
| grading profile | v5, grader 1 |
| attempts per prediction | 1 |
| test time limit | 1800 s |
| engine | docker; isolation container, no network; network granted to 0 attempts |
| images | 7 distinct digests, one per attempt in \`report.csv\` |
| run | \`run-1\`, 2026-11-22T10:00:00.000Z, assay 0.1.0 |

## Outcomes

| outcome | attempts | reasons |
| --- | ---: | --- |
| \`resolved\` | 1 | \`tests_passed\` 1 |
| \`unresolved\` | 3 | \`markers_missing\` 1, \`test_timeout\` 1, \`tests_failed\` 1 |
| \`invalid\` | 2 | \`apply_failed\` 1, \`empty_patch\` 1 |
| \`infra_error\` | 1 | \`image_pull_limited\` 1 |

## By repository

| repository | resolved | of | rate | 95 % interval |
| --- | ---: | ---: | ---: | ---: |
| sympy/sympy | 0 | 5 | 0.0 % | 0.0 to 43.4 % |
| django/django | 1 | 3 | 33.3 % | 6.1 to 79.2 % |
| flask/flask | 0 | 1 | 0.0 % | 0.0 to 79.3 % |

## By difficulty

| difficulty | resolved | of | rate | 95 % interval |
| --- | ---: | ---: | ---: | ---: |
| 1-4 hours | 0 | 5 | 0.0 % | 0.0 to 43.4 % |
| \\<15 min fix | 1 | 4 | 25.0 % | 4.6 to 69.9 % |

## Infrastructure errors

| instance | attempt | reason | phase | what happened | what to do |
| --- | ---: | --- | --- | --- | --- |
| \`sympy__sympy-3\` | 1 | \`image_pull_limited\` | pull | 429 Too Many Requests | The registry limits pulls: log in or wait, then \`assay retry RUN --only infra\`. |

## Instances

| instance | attempt | outcome | reason | FAIL_TO_PASS | PASS_TO_PASS | test s |
| --- | ---: | --- | --- | ---: | ---: | ---: |
| \`django__django-1\` | 1 | resolved | \`tests_passed\` | 1/1 | 1/1 | 2.0 |
| \`django__django-2\` | 1 | unresolved | \`tests_failed\` | 0/1 | 1/1 | 2.0 |
| \`django__django-3\` | 1 | invalid | \`empty_patch\` |  |  | 2.0 |
| \`sympy__sympy-1\` | 1 | invalid | \`apply_failed\` |  |  | 2.0 |
| \`sympy__sympy-2\` | 1 | unresolved | \`test_timeout\` |  |  | 2.0 |
| \`sympy__sympy-3\` | 1 | infra_error | \`image_pull_limited\` |  |  | 2.0 |
| \`sympy__sympy-4\` | 1 | unresolved | \`markers_missing\` |  |  | 2.0 |
| \`sympy__sympy-5\` |  | no prediction |  |  |  |  |
| \`flask__flask-1\` |  | missing |  |  |  |  |
"
`);
  });

  test('of a finished run has no such heading, and repeats show SEM and pass@k', () => {
    const twice = { attempts: 2 };
    const text = markdown(
      runResults(
        [instance('a__a-1', twice), instance('a__a-2', twice)],
        [
          verdict('a__a-1'),
          verdict('a__a-1', { attempt: 2, outcome: 'unresolved' }),
          verdict('a__a-2'),
          verdict('a__a-2', { attempt: 2 }),
        ],
      ),
    );
    expect(text).not.toMatch(/incomplete/i);
    expect(text).toContain('**75.0 ± 25.0 %** is the mean and standard error over 2 runs (100.0, 50.0).');
    expect(text).toContain('| 2 | 100.0 % |');
  });

  test('shows the text of strangers as text', () => {
    const results = runResults(
      [instance('a__a-1', { repo: 'a|b' }), instance('b__b-1')],
      [
        verdict('a__a-1', { ...PULL_LIMITED, detail: '<img src=x> | [x](http://y) `z`\nmore' }),
        verdict('b__b-1', { reason: '`|x' }),
      ],
      { model: '# **bold**\n<script>' },
    );
    const text = markdown(results);
    expect(text.split('\n')[0]).toBe('# INCOMPLETE: \\# \\*\\*bold\\*\\* \\<script\\> on verified');
    expect(text).toContain('| \\<img src=x\\> \\| \\[x\\](http://y) \\`z\\` |');
    expect(text).toContain('| a\\|b |');
    expect(text).toContain('| \\`\\|x |');
  });

  test('keeps its tables whole whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('|', '\\', '`', '\n', '\r', '<', 'a', ' ') }),
        (hostile) => {
          const results = runResults(
            [instance('a__a-1', { repo: hostile }), instance('b__b-1')],
            [verdict('a__a-1', { ...PULL_LIMITED, detail: hostile, reason: hostile }), verdict('b__b-1')],
            { datasetRevision: hostile, predictions: hostile },
          );
          const cells = (line: string) => line.replaceAll(/\\./g, '').split('|').length;
          for (const block of markdown(results).split('\n\n')) {
            const rows = block.split('\n').filter((line) => line.startsWith('|'));
            expect(new Set(rows.map(cells)).size).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });
});

test('report.md has the strict rate beside the official one, and what only the latter takes', () => {
  const text = markdown(
    runResults(
      [instance('a__a-1'), instance('a__a-2')],
      [verdict('a__a-1', CLEAN), verdict('a__a-2', TAMPERED)],
    ),
  );
  expect(text).toContain('| strict verdict, all chosen instances | 1 | 2 | 50.0 % |');
  expect(text).toContain(
    '| a\\_\\_a-2 | 1 | `tampered` | with conftest.py as before the patch: 1 \\| failed |',
  );
});
