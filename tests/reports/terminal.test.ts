import { expect, test } from '@jest/globals';
import { renderTable } from '../../reports/index.js';
import { summarise } from '../../src/index.js';
import { CLEAN, instance, MIXED, runResults, TAMPERED, verdict } from './run-results.js';

test('the table leads with Pass@1 and says what is missing and what to do', () => {
  expect(`\n${renderTable(summarise(MIXED))}`).toMatchInlineSnapshot(`
"
acme/solver on verified, profile v5

Pass@1  11.1 %  (1 of 9 instances; 95 % interval 2.0 to 43.5 %)
INCOMPLETE: 1 attempt failed for the machine's fault
INCOMPLETE: 1 planned attempt without a verdict
        image_pull_limited: The registry limits pulls: log in or wait, then \`assay retry RUN --only infra\`.
        without them: 14.3 %  (1 of 7 instances)
1 instance without a prediction, counted as not resolved
not validated on this machine: assay validate verified --epochs 3

outcome      attempts
resolved            1  ##
unresolved          3  #######           markers_missing 1, test_timeout 1, tests_failed 1
invalid             2  #####             apply_failed 1, empty_patch 1
infra_error         1  ##                image_pull_limited 1

repository     resolved  of    rate  95 % interval
sympy/sympy           0   5   0.0 %  0.0 to 43.4 %
django/django         1   3  33.3 %  6.1 to 79.2 %
flask/flask           0   1   0.0 %  0.0 to 79.3 %

difficulty   resolved  of    rate  95 % interval
1-4 hours           0   5   0.0 %  0.0 to 43.4 %
<15 min fix         1   4  25.0 %  4.6 to 69.9 %
"
`);
});

test('a finished run of one repository is three lines of news and the outcomes', () => {
  const results = runResults(
    [instance('a__a-1'), instance('a__a-2')],
    [verdict('a__a-1'), verdict('a__a-2')],
  );
  expect(`\n${renderTable(summarise(results))}`).toMatchInlineSnapshot(`
"
acme/solver on verified, profile v5

Pass@1  100.0 %  (2 of 2 instances; 95 % interval 34.2 to 100.0 %)
not validated on this machine: assay validate verified --epochs 3

outcome      attempts
resolved            2  ################
unresolved          0
invalid             0
infra_error         0
"
`);
});

test('repeats add the mean and SEM over runs and the largest pass@k', () => {
  const twice = { attempts: 2 };
  const results = runResults(
    [instance('a__a-1', twice), instance('a__a-2', twice)],
    [
      verdict('a__a-1'),
      verdict('a__a-1', { attempt: 2, outcome: 'unresolved' }),
      verdict('a__a-2'),
      verdict('a__a-2', { attempt: 2 }),
    ],
  );
  expect(renderTable(summarise(results)).split('\n').slice(2, 5)).toMatchInlineSnapshot(`
[
  "Pass@1  75.0 %  (1.50 of 2 instances; 95 % interval 19.8 to 97.3 %)",
  "        75.0 ± 25.0 %, mean and SEM of 2 runs",
  "Pass@2  100.0 %",
]
`);
});

test('an empty run has no rate and no crash', () => {
  expect(renderTable(summarise(runResults([], [])))).toContain(
    'Pass@1  - %  (0 of 0 instances; 95 % interval -)',
  );
});

test('a model name cannot move the cursor or break the layout', () => {
  const results = runResults([], [], { model: '\u001b[2Jred\r\nnews\u202eflip' });
  expect(renderTable(summarise(results)).split('\n')[0]).toBe('[2Jred news flip on verified, profile v5');
});

test('what only the official verdict takes is named below the rate', () => {
  const results = runResults(
    [instance('a__a-1'), instance('a__a-2')],
    [verdict('a__a-1', CLEAN), verdict('a__a-2', TAMPERED)],
  );
  const lines = renderTable(summarise(results)).split('\n');
  expect(lines).toContain('strict  50.0 %  (1 of 2 instances)');
  expect(lines).toContain('        a__a-2: tampered: with conftest.py as before the patch: 1 | failed');
});
